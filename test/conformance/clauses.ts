import type { StatementRow } from '#root/packages/wrenmq/src/explain/standard-statements.ts';
import { STATEMENTS_311 } from '#root/packages/wrenmq/src/explain/statements-311.ts';
import { STATEMENTS_5 } from '#root/packages/wrenmq/src/explain/statements-5.ts';

/** A normative statement of the standard, in our own words. */
export interface Clause {
  /** `MQTT-3.3.1-2` is MQTT 5.0, `MQTT311-3.3.1-2` is MQTT 3.1.1. */
  readonly id: string;
  /** Whom the statement binds. Only `server` and `both` can be asked of a broker. */
  readonly subject: StatementRow[1];
  readonly summary: string;
}

export const mqtt5Clauses: readonly Clause[] = clausesOf('MQTT-', STATEMENTS_5);
export const mqtt311Clauses: readonly Clause[] = clausesOf('MQTT311-', STATEMENTS_311);

/** Turns the rows of a table into clauses; `prefix` is `MQTT-` or `MQTT311-`. */
function clausesOf(prefix: string, rows: readonly StatementRow[]): readonly Clause[] {
  return rows.map(([number, subject, summary]) => ({ id: prefix + number, subject, summary }));
}

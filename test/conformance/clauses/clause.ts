/** A normative statement of the standard, in our own words. */
export interface Clause {
  /** `MQTT-3.3.1-2` is MQTT 5.0, `MQTT311-3.3.1-2` is MQTT 3.1.1. */
  readonly id: string;
  /** Whom the statement binds. Only `server` and `both` can be asked of a broker. */
  readonly subject: Subject;
  readonly summary: string;
}

export type Subject = 'client' | 'server' | 'both';

export type ClauseRow = readonly [number: string, subject: Subject, summary: string];

/** Turns the rows of a table into clauses; `prefix` is `MQTT-` or `MQTT311-`. */
export function clausesOf(prefix: string, rows: readonly ClauseRow[]): readonly Clause[] {
  return rows.map(([number, subject, summary]) => ({ id: prefix + number, subject, summary }));
}

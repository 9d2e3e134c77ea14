import { CommandError, ExitCode } from '#exit-code.ts';

export type StatementRow = readonly [number: string, binds: 'client' | 'server' | 'both', summary: string];

export interface Statement {
  /** As the standard numbers it: `MQTT-3.3.2-1`. */
  readonly id: string;
  readonly version: '5' | '3.1.1';
  readonly binds: StatementRow[1];
  readonly summary: string;
}

const SECTION = /^\d+(\.\d+){0,2}(-\d+)?$/;
/** Where the words of the standard itself are. */
export const STANDARD_URLS = {
  '5': 'https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html',
  '3.1.1': 'https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html',
} as const;

/** The statements of a section (`3.3`, `3.3.2`) or of one number (`3.3.2-1`). A usage error when there is none. */
export async function findStatements(version: Statement['version'], section: string): Promise<readonly Statement[]> {
  const rows = version === '5' ? (await import('./statements-5.ts')).STATEMENTS_5 : (await import('./statements-311.ts')).STATEMENTS_311;
  const found = SECTION.test(section)
    ? rows.filter(([number]) => number === section || number.startsWith(`${section}.`) || number.startsWith(`${section}-`))
    : [];
  if (found.length === 0) {
    const chapters = [...new Set(rows.map(([number]) => number.split('.').slice(0, 2).join('.')))].join(', ');
    throw new CommandError(
      `wrenmq: MQTT ${version} has no normative statements in ${section}; there are some in ${chapters}`,
      ExitCode.Usage,
    );
  }
  const prefix = version === '5' ? 'MQTT-' : 'MQTT311-';
  return found.map(([number, binds, summary]) => ({ id: `${prefix}${number}`, version, binds, summary }));
}

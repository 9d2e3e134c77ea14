import { styleText } from 'node:util';
import type { ProtocolVersion } from '@wrenmq/codec';
import type { Finding } from './check.ts';
import { groups, OTHER_VERSION } from './run-checks.ts';
import { versionName } from './version-name.ts';

export interface ProbeReport {
  readonly url: string;
  readonly versions: ReadonlyMap<ProtocolVersion, Finding>;
  /** That in which the checks spoke. */
  readonly version: ProtocolVersion;
  readonly findings: ReadonlyMap<string, Finding>;
}

interface Row {
  readonly title: string;
  readonly finding: Finding;
}

const TITLE_COLUMNS = 44;

/** Rows of another version would say nothing. */
function isShown(finding: Finding | undefined): boolean {
  return finding !== undefined && finding.note !== OTHER_VERSION;
}

/** The findings as a table for people. */
export function renderProbe({ url, versions, version, findings }: ProbeReport, isColoured: boolean): string {
  const paint = (style: 'bold' | 'dim' | 'green' | 'yellow', text: string): string => (isColoured ? styleText(style, text) : text);
  const sections = [
    { title: 'Versions', rows: [...versions].map(([each, finding]) => ({ title: `MQTT ${versionName(each)}`, finding })) },
    ...groups.map((group) => ({
      title: group.title,
      rows: group.checks.flatMap(({ key, title }) => (isShown(findings.get(key)) ? [{ title, finding: findings.get(key)! }] : [])),
    })),
  ];
  const line = ({ title, finding: { value, note } }: Row): string => {
    const text =
      value === true ? paint('green', 'yes') : value === false ? paint('yellow', 'no') : value === null ? paint('dim', '-') : String(value);
    return `  ${title.padEnd(TITLE_COLUMNS)} ${text}${note === undefined ? '' : paint('dim', `  (${note})`)}`;
  };
  const shown = sections.filter(({ rows }) => rows.length > 0);
  return [
    `${url}, asked in MQTT ${versionName(version)}`,
    ...shown.map(({ title, rows }) => [paint('bold', title), ...rows.map(line)].join('\n')),
  ].join('\n\n');
}

import { CommandError, ExitCode } from '#exit-code.ts';
import { nearest } from '#nearest.ts';
import { type Reason, REASONS } from './reason-codes.ts';
import { type ReasonText, TEXTS_EN } from './texts-en.ts';

interface ExplainFlags {
  readonly lang?: string;
  readonly packet?: string;
  readonly json?: true;
}

type Language = 'en' | 'zh';

const LABELS: Readonly<Record<Language, readonly [packets: string, cause: string, remedy: string]>> = {
  en: ['in', 'usually', 'to do'],
  zh: ['报文', '常见原因', '处理办法'],
};

/** `wrenmq explain` */
export async function explain(words: readonly string[], flags: ExplainFlags): Promise<void> {
  const [, place, rest] = /^(mqtt|mqtt5|mqtt311|config):(.+)$/i.exec(words.join(' ')) ?? [];
  if (place?.toLowerCase() === 'config') return (await import('#config-commands.ts')).explainConfig(rest, { ...flags, set: [] });
  if (place !== undefined) return explainStatements(place.toLowerCase() === 'mqtt311' ? '3.1.1' : '5', rest, flags.json === true);
  const language = languageOf(flags.lang, process.env);
  const texts = language === 'zh' ? (await import('./texts-zh.ts')).TEXTS_ZH : TEXTS_EN;
  const found = findReasons(words.join(' ')).filter(({ packets }) => isIn(packets, flags.packet));
  if (found.length === 0) throw new CommandError(`wrenmq: no reason code of ${flags.packet} is ${words.join(' ')}`, ExitCode.Usage);
  if (flags.json === true) {
    for (const reason of found) console.log(JSON.stringify(jsonOf(reason, texts[reason.key])));
  } else if (words.length === 0) {
    console.log(found.map((reason) => `${heading(reason).padEnd(56)} ${reason.packets.join(' ')}`).join('\n'));
  } else {
    console.log(found.map((reason) => paragraph(reason, texts[reason.key], language)).join('\n\n'));
  }
}

/** What the standard demands in a section; English, as its statements are. */
async function explainStatements(version: '5' | '3.1.1', section: string, isJson: boolean): Promise<void> {
  const { findStatements, STANDARD_URLS } = await import('./standard-statements.ts');
  const statements = await findStatements(version, section.replaceAll(/^\[?(MQTT(311)?-)?|\]$/gi, ''));
  if (isJson) for (const statement of statements) console.log(JSON.stringify(statement));
  else {
    const binds = { client: 'clients', server: 'brokers', both: 'both sides' };
    const lines = statements.map((statement) => `${statement.id} (${binds[statement.binds]})\n  ${statement.summary}`);
    console.log([...lines, `in our own words; the standard: ${STANDARD_URLS[version]}`].join('\n'));
  }
}

/** By code, decimal or hexadecimal, or by a part of the name; all without words. A usage error when there is none. */
export function findReasons(words: string): readonly Reason[] {
  if (words === '') return REASONS;
  const isCode = /^(0x)?[0-9a-f]{1,3}$/i.test(words);
  const wanted = wordsOf(words);
  // 87 without 0x is no code in decimal, so it is meant as hexadecimal.
  const searches: ((reason: Reason) => boolean)[] = isCode
    ? [({ code }) => code === Number(words), ({ code }) => code === Number.parseInt(words, 16)]
    : [({ name }) => wordsOf(name).includes(wanted)];
  const found = searches.map((search) => REASONS.filter(search)).find((reasons) => reasons.length > 0);
  if (found !== undefined) return found;
  const near = isCode
    ? undefined
    : nearest(
        wanted,
        REASONS.map(({ name }) => wordsOf(name)),
      );
  const hint = near === undefined ? 'wrenmq explain lists them all' : `did you mean ${near}?`;
  throw new CommandError(`wrenmq: MQTT has no reason code ${words}; ${hint}`, ExitCode.Usage);
}

/** `NotAuthorized`, `not-authorized` and `not authorized` are the same. */
function wordsOf(name: string): string {
  return name
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, ' ')
    .trim();
}

function isIn(packets: readonly string[], packet: string | undefined): boolean {
  return packet === undefined || packets.includes(packet.toUpperCase());
}

function languageOf(flag: string | undefined, { LC_ALL, LC_MESSAGES, LANG }: NodeJS.ProcessEnv): Language {
  const wanted = flag ?? [LC_ALL, LC_MESSAGES, LANG].find((value) => value !== undefined && value !== '') ?? 'en';
  if (flag !== undefined && !/^(en|zh)/i.test(flag)) throw new CommandError(`wrenmq: --lang ${flag}: there are en and zh`, ExitCode.Usage);
  return /^zh/i.test(wanted) ? 'zh' : 'en';
}

function heading({ code, name, version }: Reason): string {
  return `0x${code.toString(16).padStart(2, '0')} (${code}) ${name}, MQTT ${version}`;
}

function paragraph(reason: Reason, [meaning, cause, remedy]: ReasonText, language: Language): string {
  const [packetsLabel, causeLabel, remedyLabel] = LABELS[language];
  const line = (label: string, text: string): string => `  ${label}: ${text}`;
  return [
    heading(reason),
    `  ${meaning}`,
    line(causeLabel, cause),
    line(remedyLabel, remedy),
    line(packetsLabel, reason.packets.join(', ')),
  ].join('\n');
}

function jsonOf({ code, name, version, packets }: Reason, [meaning, cause, remedy]: ReasonText): object {
  return { code, hex: `0x${code.toString(16).padStart(2, '0')}`, name, version, packets, meaning, cause, remedy };
}

import { readFileSync } from 'node:fs';
import type { Command, Option } from 'commander';
import { WORD_END, wordsOfValue } from '#connection/properties.ts';
import { CommandError, ExitCode } from './exit-code.ts';

/** Long names of other tools for flags that we have under another name. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  '--hostname': '--host',
  '--client-id': '--id',
  '--mqtt-version': '--protocol-version',
  '--password': '--pw',
  '--ca': '--cafile',
  '--no-clean': '--disable-clean-session',
  '--session-expiry': '--session-expiry-interval',
  '--will-message': '--will-payload',
  '--retained': '--retain',
  '--user-properties': '--user-property',
  '--alpn': '--tls-alpn',
  '--will-message-retain': '--will-retain',
  '--ws-path': '--ws',
  '--conn-rate': '--connect-rate',
  '--persistent': '--durable',
};

/** Long names for properties of MQTT 5; where no value is given, the word that follows is it. */
const PROPERTY_NAMES: Readonly<Record<string, readonly [words: string, isPair?: 'pair']>> = {
  '--topic-alias': ['publish topic-alias'],
  '--payload-format': ['publish payload-format-indicator'],
  '--payload-format-indicator': ['publish payload-format-indicator'],
  '--sub-id': ['subscribe subscription-identifier'],
  '--subscription-identifier': ['subscribe subscription-identifier'],
  '--will-delay': ['will will-delay-interval'],
  '--will-delay-interval': ['will will-delay-interval'],
  '--will-property': ['will user-property', 'pair'],
  '--conn-user-properties': ['connect user-property', 'pair'],
};
const PROPERTY_VALUES: Readonly<Record<string, string>> = { utf8: '1', binary: '0' };

/** What --output does; null: what is done anyway. */
const OUTPUTS: Readonly<Record<string, string | null>> = { text: null, json: '--json', ndjson: '--json', raw: '--no-eol' };

/** Flags of other tools with one dash and more than one letter, and what does the same here. */
const OTHER_FLAGS: Readonly<Record<string, string>> = {
  '-up': '-D publish user-property NAME VALUE',
  '-nl': '--no-local',
  '-rap': '--retain-as-published',
  '-rh': '--retain-handling',
  '-si': '-D subscribe subscription-identifier N',
  '-se': '--session-expiry-interval',
  '-pf': '-D publish payload-format-indicator 1',
  '-me': '-D publish message-expiry-interval SECONDS',
  '-ta': '-D publish topic-alias N',
  '-rt': '-D publish response-topic TOPIC',
  '-cd': '-D publish correlation-data DATA',
  '-ct': '-D publish content-type TYPE',
  '-Wt': '--will-topic',
  '-Wm': '--will-payload',
  '-Wq': '--will-qos',
  '-Wr': '--will-retain',
  '-Wd': '-D will will-delay-interval SECONDS',
  '-ws': '--ws',
};

/** Long flags of other tools that have no equal here. */
const OTHER_LONG_FLAGS: Readonly<Record<string, string>> = {
  '--protocol': '-L with mqtt://, mqtts://, ws:// or wss://',
  '--maximum-reconnect-times': 'nothing: it connects again for as long as that can help, and timeout(1) ends it',
  '--output-mode': '--output json',
};

/**
 * Brings the arguments of a command into the form that commander reads, where mosquitto's tools and commander differ: a -D has three or
 * four words, a password may begin with a dash, a file (-o) may hold more flags.
 */
export function normalizeArguments(command: Command, args: readonly string[]): string[] {
  const normalizer = new Normalizer(command);
  normalizer.take(args);
  return normalizer.result;
}

/** The command that the first arguments name, and how many of them do. */
export function findCommand(program: Command, args: readonly string[]): { readonly command: Command; readonly depth: number } {
  let command = program;
  let depth = 0;
  for (const name of args) {
    const next = command.commands.find((each) => each.name() === name || each.aliases().includes(name));
    if (next === undefined) break;
    command = next;
    depth += 1;
  }
  return { command, depth };
}

class Normalizer {
  readonly result: string[] = [];
  readonly #options: ReadonlyMap<string, Option>;

  constructor(command: Command) {
    const named = command.options.flatMap((option) => [option.short, option.long].map((name) => [name, option] as const));
    this.#options = new Map(named.filter((entry): entry is readonly [string, Option] => entry[0] !== undefined));
  }

  take(args: readonly string[]): void {
    for (let i = 0; i < args.length; i += 1) {
      const [, name, value] = /^(--[\w-]+)=(.*)$/s.exec(args[i]) ?? [];
      if (name !== undefined && (name === '--output' || name in OTHER_NAMES || name in PROPERTY_NAMES)) {
        this.take([name, value]);
        continue;
      }
      const flag = this.#options.has(args[i]) ? args[i] : (OTHER_NAMES[args[i]] ?? args[i]);
      if (flag === '--') return void this.result.push(...args.slice(i));
      const option = this.#options.get(flag);
      const property = option === undefined && this.#options.has('--property') ? PROPERTY_NAMES[flag] : undefined;
      if (property !== undefined) i += this.#takeNamedProperty(flag, property, args[i + 1]);
      else if (option === undefined) this.#takeUnknown(flag);
      else if (option.long === '--output') i += this.#takeOutput(args[i + 1]);
      else if (option.long === '--property') i += this.#takeProperty(args.slice(i + 1));
      else if (option.short === '-o') i += this.#takeFile(flag, args[i + 1]);
      else if (option.long === '--pw') i += this.#takePassword(flag, args[i + 1]);
      else if (option.required) i += this.#takeValue(flag, args[i + 1]);
      else this.result.push(flag);
    }
  }

  #takeUnknown(word: string): void {
    const isCluster = /^-[a-z][a-z]+$/i.test(word);
    const isLong = isCluster && this.#options.has(`-${word}`);
    const instead = isLong ? `-${word}` : this.#options.size > 0 ? (OTHER_FLAGS[word] ?? OTHER_LONG_FLAGS[word]) : undefined;
    if (instead !== undefined) throw new CommandError(`wrenmq: ${word} is not a flag here; use ${instead}`, ExitCode.Usage);
    this.result.push(word);
  }

  /** The value may look like a flag. */
  #takeValue(flag: string, value: string | undefined): number {
    this.result.push(flag);
    if (value !== undefined) this.result.push(value);
    return 1;
  }

  #takePassword(flag: string, value: string | undefined): number {
    const hasValue = value !== undefined && !this.#options.has(value);
    this.result.push(hasValue ? `--pw=${value}` : flag);
    return hasValue ? 1 : 0;
  }

  #takeProperty(after: readonly string[]): number {
    const count = 2 + wordsOfValue(after[1] ?? '');
    const words = after.slice(0, count);
    this.result.push('--property', words.join(WORD_END));
    return words.length;
  }

  #takeNamedProperty(flag: string, [words, isPair]: (typeof PROPERTY_NAMES)[string], value: string | undefined): number {
    const end = isPair === undefined ? -1 : (value?.indexOf('=') ?? -1);
    if (value === undefined || (isPair !== undefined && end < 0))
      throw new CommandError(`wrenmq: ${flag} ${value ?? ''}: must be followed by ${isPair ? 'name=value' : 'a value'}`, ExitCode.Usage);
    const values = isPair === undefined ? [PROPERTY_VALUES[value] ?? value] : [value.slice(0, end), value.slice(end + 1)];
    this.result.push('--property', [...words.split(' '), ...values].join(WORD_END));
    return 1;
  }

  #takeOutput(format: string | undefined): number {
    const formats = Object.keys(OUTPUTS).filter((name) => OUTPUTS[name] === null || this.#options.has(OUTPUTS[name]));
    if (format === undefined || !formats.includes(format))
      throw new CommandError(`wrenmq: --output ${format ?? ''}: there are ${formats.join(', ')}`, ExitCode.Usage);
    const flag = OUTPUTS[format];
    if (flag !== null) this.result.push(flag);
    return 1;
  }

  /** One flag a line, its value after a space; lines with # at their beginning are comments. */
  #takeFile(flag: string, file: string | undefined): number {
    if (file === undefined) return this.#takeValue(flag, file);
    for (const line of readLines(flag, file)) {
      const end = line.indexOf(' ');
      const [name, value] = end < 0 ? [line, undefined] : [line.slice(0, end), line.slice(end + 1)];
      const isProperty = this.#options.get(name)?.long === '--property';
      if (isProperty) this.result.push('--property', value ?? '');
      else this.take(value === undefined ? [name] : [name, value]);
    }
    return 1;
  }
}

function readLines(flag: string, file: string): string[] {
  try {
    const lines = readFileSync(file, 'utf8').split(/\r?\n/);
    return lines.filter((line) => line.trim() !== '' && !line.startsWith('#'));
  } catch (error) {
    throw new CommandError(`wrenmq: ${flag} ${file}: ${(error as Error).message}`, ExitCode.Usage);
  }
}

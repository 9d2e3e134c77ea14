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
};

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
      const flag = this.#options.has(args[i]) ? args[i] : (OTHER_NAMES[args[i]] ?? args[i]);
      if (flag === '--') return void this.result.push(...args.slice(i));
      const option = this.#options.get(flag);
      if (option === undefined) this.#takeUnknown(flag);
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
    const instead = isLong ? `-${word}` : isCluster && this.#options.size > 0 ? OTHER_FLAGS[word] : undefined;
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

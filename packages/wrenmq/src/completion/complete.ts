import type { Command, Option } from 'commander';
import { findCommand } from '#normalize-arguments.ts';
import { PROPERTIES } from '#connection/properties.ts';
import { DECODINGS } from '#payload/decode-payload.ts';
import { ENCODINGS } from '#payload/encode-payload.ts';

/** Printed alone, it lets the shell complete the names of files. */
export const FILES = ':files';

const SHELLS = ['bash', 'zsh', 'fish', 'powershell'];
const VALUES: Readonly<Record<string, readonly string[]>> = {
  '--qos': ['0', '1', '2'],
  '--will-qos': ['0', '1', '2'],
  '--protocol-version': ['5', '311', 'auto'],
  '--retain-handling': ['0', '1', '2'],
  '--tls-version': ['tlsv1.2', 'tlsv1.3'],
  '--property': Object.keys(PROPERTIES),
  '--lang': ['en', 'zh'],
  '--output': ['text', 'json', 'ndjson', 'raw'],
  '--encode': ENCODINGS,
  '--decode': DECODINGS,
  '--url': ['mqtt://', 'mqtts://', 'ws://', 'wss://'],
};

/** Prints what can stand in place of the last word: a candidate and what it is, with a tab between. */
export async function complete(words: readonly string[], program: Command): Promise<void> {
  const candidates = await candidatesFor(words, program);
  if (candidates.length > 0) process.stdout.write(`${candidates.join('\n')}\n`);
}

async function candidatesFor(words: readonly string[], program: Command): Promise<readonly string[]> {
  const before = words.slice(0, -1);
  // What PowerShell has to write for an empty word.
  const last = words.at(-1) ?? '';
  const current = last === '""' ? '' : last;
  const { command, depth } = findCommand(program, before[0] === 'help' ? before.slice(1) : before);
  const flag = command.options.find(({ short, long }) => [short, long].includes(before.at(-1)));
  if (flag?.required === true) return valuesOf(flag);
  const property = propertiesOf(before);
  if (property !== undefined) return startingWith(current, property);
  if (current.startsWith('-')) return startingWith(current, command.options.filter(({ hidden }) => !hidden).flatMap(namesOf));
  if (depth === before.length || before[0] === 'help') return subcommandsOf(command, program, current);
  return [];
}

async function valuesOf({ long, flags }: Option): Promise<readonly string[]> {
  if (long === '--context') return (await import('#context/context.ts')).contextNames();
  if (long !== undefined && VALUES[long] !== undefined) return VALUES[long];
  return /<(file|directory|path)>/.test(flags) ? [FILES] : [];
}

/** The second word of a -D. */
function propertiesOf(before: readonly string[]): readonly string[] | undefined {
  const [flag, packet] = before.slice(-2);
  return flag === '-D' || flag === '--property' ? PROPERTIES[packet as keyof typeof PROPERTIES] : undefined;
}

async function subcommandsOf(command: Command, program: Command, current: string): Promise<readonly string[]> {
  if (command.commands.length > 0) {
    const shown = command.createHelp().visibleCommands(command);
    return startingWith(
      current,
      shown.map((each) => `${each.name()}\t${each.description()}`),
    );
  }
  switch (command.name()) {
    case 'completion':
      return SHELLS;
    case 'explain':
      return (await import('#explain/reason-codes.ts')).REASONS.map(({ code, name }) => `0x${code.toString(16).padStart(2, '0')}\t${name}`);
    case 'use':
    case 'show':
    case 'remove':
      return command.parent?.parent === program ? (await import('#context/context.ts')).contextNames() : [];
    default:
      return command.registeredArguments.length > 0 ? [FILES] : [];
  }
}

function namesOf({ short, long, description }: Option): string[] {
  return [long, short].filter((name) => name !== undefined).map((name) => `${name}\t${description}`);
}

function startingWith(start: string, candidates: readonly string[]): readonly string[] {
  return candidates.filter((candidate) => candidate.startsWith(start));
}

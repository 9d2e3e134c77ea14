import { Command, CommanderError } from 'commander';
import { describeCommand } from './describe-command.ts';
import { endWithReader } from './end-with-reader.ts';
import { CommandError, ExitCode } from './exit-code.ts';
import { findCommand, normalizeArguments } from './normalize-arguments.ts';
import { readVersion } from './version.ts';

type Add = (program: Command) => void;

/** The commands under their headings in the help. Each is loaded only when it, or all of them, are asked for. */
const COMMANDS: Readonly<Record<string, Readonly<Record<string, () => Promise<Add>>>>> = {
  'Messages:': {
    pub: async () => (await import('./pub/add-pub.ts')).addPub,
    sub: async () => (await import('./sub/add-sub.ts')).addSub,
    rr: async () => (await import('./rr/add-rr.ts')).addRr,
  },
  'The broker:': {
    start: async () => (await import('./add-broker-commands.ts')).addStart,
    config: async () => (await import('./add-broker-commands.ts')).addConfig,
    passwd: async () => (await import('./add-broker-commands.ts')).addPasswd,
    setup: async () => (await import('./add-broker-commands.ts')).addSetup,
  },
  'Looking at a broker:': {
    ping: async () => (await import('./ping/add-ping.ts')).addPing,
    probe: async () => (await import('./probe/add-probe.ts')).addProbe,
    bench: async () => (await import('./bench/add-bench.ts')).addBench,
  },
  'Tools:': {
    explain: async () => (await import('./explain/add-explain.ts')).addExplain,
    context: async () => (await import('./context/add-context.ts')).addContext,
    completion: async () => (await import('./completion/add-completion.ts')).addCompletion,
    version: async () => addVersion,
  },
};

/** They write past process.stdout, or must not end when nobody reads. */
const WRITING_THEMSELVES: ReadonlySet<string | undefined> = new Set(['sub', 'rr', 'start']);

/** How errors are told. */
interface Manner {
  readonly isJson: boolean;
  /** Only wrong usage is told. */
  readonly isQuiet: boolean;
}

/** Runs one command and returns its exit code. Whatever goes wrong is one block on standard error, without a stack. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const isJson = asksForJson(args);
  try {
    const asked = args[0] === 'help' && isCommand(args[1]) ? [...args.slice(1), '--help'] : args;
    const program = await createProgram(asked[0], isJson);
    const { command, depth } = findCommand(program, asked);
    const normal = [...asked.slice(0, depth), ...normalizeArguments(command, asked.slice(depth))];
    if (!WRITING_THEMSELVES.has(asked[0])) endWithReader();
    await program.parseAsync(normal, { from: 'user' });
    return ExitCode.Success;
  } catch (error) {
    return report(error, { isJson, isQuiet: wordsOf(args).includes('--quiet') });
  }
}

function report(error: unknown, { isJson, isQuiet }: Manner): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return ExitCode.Success;
    // Commander has said it already, in words.
    if (isJson) console.error(jsonError(new CommandError(error.message.replace(/^error: /, ''), ExitCode.Usage)));
    return ExitCode.Usage;
  }
  if (error instanceof CommandError) {
    if (error.message !== '' && !(isQuiet && error.exitCode !== ExitCode.Usage)) console.error(isJson ? jsonError(error) : error.message);
    return error.exitCode;
  }
  const isOurFault =
    !(error instanceof Error) || error.name === 'InvariantError' || error instanceof TypeError || error instanceof RangeError;
  if (isOurFault) console.error('wrenmq: this is a fault of WrenMQ, please report it:', error);
  else console.error(isJson ? jsonError(new CommandError(error.message)) : `wrenmq: ${error.message}`);
  return ExitCode.Failure;
}

/** As far as the command line can be read before it is understood. */
function asksForJson(args: readonly string[]): boolean {
  const words = wordsOf(args);
  return words.some(
    (word, i) => word === '--json' || /^--output=(nd)?json$/.test(word) || (word === '--output' && /^(nd)?json$/.test(words[i + 1] ?? '')),
  );
}

/** What may be flags. */
function wordsOf(args: readonly string[]): readonly string[] {
  return args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
}

function jsonError({ message, exitCode, reasonCode }: CommandError): string {
  const code = Object.entries(ExitCode).find(([, value]) => value === exitCode)?.[0] ?? 'Refused';
  const text = message.replace(/^wrenmq: /, '');
  return JSON.stringify({ error: { code, exitCode, ...(reasonCode === undefined ? {} : { reasonCode }), message: text } });
}

/** The program with one command, or with every one when there is none of this name: for the help, and to find the nearest. */
export async function createProgram(name?: string, isJson = false): Promise<Command> {
  const program = createEmptyProgram(isJson);
  const isKnown = isCommand(name);
  for (const [heading, commands] of Object.entries(COMMANDS)) {
    program.commandsGroup(heading);
    for (const [each, load] of Object.entries(commands)) if (!isKnown || each === name) (await load())(program);
  }
  return program;
}

function isCommand(name: string | undefined): boolean {
  return name !== undefined && Object.values(COMMANDS).some((commands) => Object.hasOwn(commands, name));
}

function createEmptyProgram(isJson: boolean): Command {
  return (
    describeCommand(new Command('wrenmq'), 'WrenMQ, an MQTT broker that is durable by default, and its command line', [
      ['wrenmq start --dev', 'a broker for this machine, in memory'],
      ["wrenmq sub -t 'home/#' -v", 'print what comes'],
      ['wrenmq pub -t home/lamp -m on', 'publish a message'],
      ['wrenmq explain 0x87', 'what a reason code means'],
      ['wrenmq help pub', 'all about a command'],
    ])
      .version(readVersion(), '--version', 'print the version')
      // Subcommands take over what is set so far.
      .helpOption('--help', 'show this help')
      .addHelpCommand(new Command('help').argument('[command...]').description('show the help of a command').helpGroup('Tools:'))
      .exitOverride()
      .configureOutput({
        writeOut: (text) => {
          endWithReader();
          process.stdout.write(text);
        },
        outputError: (text, write) => !isJson && write(text.replace(/^error: /, 'wrenmq: ')),
      })
      .showSuggestionAfterError()
      .addHelpText(
        'after',
        '\nExit codes: 0 success, 1 failure, 2 wrong usage, 3 no connection, 4 connection refused, 5 refused,\n27 timed out. All of them: docs/command-line.md',
      )
  );
}

function addVersion(program: Command): void {
  program
    .command('version')
    .description('print the version, and that of Node.js')
    .action(() => console.log(`wrenmq ${readVersion()} (Node.js ${process.versions.node}, ${process.platform} ${process.arch})`));
}

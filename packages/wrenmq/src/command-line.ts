import { Command, CommanderError } from 'commander';
import { addBench } from './bench/add-bench.ts';
import { addBrokerCommands } from './add-broker-commands.ts';
import { addCompletion } from './completion/add-completion.ts';
import { addContext } from './context/add-context.ts';
import { describeCommand } from './describe-command.ts';
import { CommandError, ExitCode } from './exit-code.ts';
import { addExplain } from './explain/add-explain.ts';
import { findCommand, normalizeArguments } from './normalize-arguments.ts';
import { addPing } from './ping/add-ping.ts';
import { addProbe } from './probe/add-probe.ts';
import { addPub } from './pub/add-pub.ts';
import { addRr } from './rr/add-rr.ts';
import { addSub } from './sub/add-sub.ts';
import { readVersion } from './version.ts';

/** Runs one command and returns its exit code. Whatever goes wrong is one block on standard error, without a stack. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  try {
    const program = createProgram();
    const { command, depth } = findCommand(program, args);
    const normal = [...args.slice(0, depth), ...normalizeArguments(command, args.slice(depth))];
    await program.parseAsync(normal, { from: 'user' });
    return ExitCode.Success;
  } catch (error) {
    return report(error, args.includes('--json'));
  }
}

function report(error: unknown, isJson: boolean): number {
  // Commander has said it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Success : ExitCode.Usage;
  if (error instanceof CommandError) {
    if (error.message !== '') console.error(isJson ? jsonError(error) : error.message);
    return error.exitCode;
  }
  const isOurFault =
    !(error instanceof Error) || error.name === 'InvariantError' || error instanceof TypeError || error instanceof RangeError;
  if (isOurFault) console.error('wrenmq: this is a fault of WrenMQ, please report it:', error);
  else console.error(`wrenmq: ${error.message}`);
  return ExitCode.Failure;
}

function jsonError({ message, exitCode, reasonCode }: CommandError): string {
  const code = Object.entries(ExitCode).find(([, value]) => value === exitCode)?.[0] ?? 'Refused';
  const text = message.replace(/^wrenmq: /, '');
  return JSON.stringify({ error: { code, exitCode, ...(reasonCode === undefined ? {} : { reasonCode }), message: text } });
}

/** Every command with its flags; what a command does is loaded when it runs. */
export function createProgram(): Command {
  const program = describeCommand(new Command('wrenmq'), 'WrenMQ, an MQTT broker that is durable by default, and its command line', [
    ['wrenmq start --dev', 'a broker for this machine, in memory'],
    ["wrenmq sub -t 'home/#' -v", 'print what comes'],
    ['wrenmq pub -t home/lamp -m on', 'publish a message'],
    ['wrenmq explain 0x87', 'what a reason code means'],
    ['wrenmq help pub', 'all about a command'],
  ])
    .version(readVersion(), '--version', 'print the version')
    .helpOption('--help', 'show this help')
    .addHelpCommand(new Command('help').argument('[command]').description('show the help of a command').helpGroup('Tools:'))
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'wrenmq: ')) })
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      '\nExit codes: 0 success, 1 failure, 2 wrong usage, 3 no connection, 4 connection refused, 5 refused,\n27 timed out. All of them: docs/command-line.md',
    );
  // Subcommands take over what is set so far (exitOverride, helpOption).
  program.commandsGroup('Messages:');
  for (const add of [addPub, addSub, addRr]) add(program);
  // As mosquitto's tools have it.
  for (const command of program.commands) command.version(readVersion(), '--version', 'print the version');
  program.commandsGroup('The broker:');
  addBrokerCommands(program);
  program.commandsGroup('Looking at a broker:');
  for (const add of [addPing, addProbe, addBench]) add(program);
  program.commandsGroup('Tools:');
  for (const add of [addExplain, addContext, addCompletion]) add(program);
  program
    .command('version')
    .description('print the version, and that of Node.js')
    .action(() => console.log(`wrenmq ${readVersion()} (Node.js ${process.versions.node}, ${process.platform} ${process.arch})`));
  return program;
}

import type { Command } from 'commander';

/** A command line and what it does. */
export type Example = readonly [command: string, what: string];

/** Gives a command its line in the list of commands, and examples that its help begins with. */
export function describeCommand(command: Command, summary: string, examples: readonly Example[]): Command {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, what]) => `  ${line.padEnd(width)}  # ${what}`);
  return command.description(summary).addHelpText('before', `Examples:\n${lines.join('\n')}\n`);
}

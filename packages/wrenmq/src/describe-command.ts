import type { Command } from 'commander';

/** A command line and what it does. */
export type Example = readonly [command: string, what: string];

/** Gives a command its line in the list of commands, and examples that stand before the flags in its help. */
export function describeCommand(command: Command, summary: string, examples: readonly Example[]): Command {
  const width = Math.max(...examples.map(([line]) => line.length));
  // Text with lines that begin with spaces is not wrapped.
  const lines = examples.map(([line, what]) => `  ${line.padEnd(width)}  # ${what}`);
  return command.summary(summary).description([`${summary[0].toUpperCase()}${summary.slice(1)}.`, '', 'Examples:', ...lines].join('\n'));
}

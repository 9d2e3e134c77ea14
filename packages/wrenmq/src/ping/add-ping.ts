import type { Command } from 'commander';
import { addConnectionFlags } from '#connection/connection-flags.ts';
import { describeCommand } from '#describe-command.ts';

/** `wrenmq ping` */
export function addPing(program: Command): void {
  const command = describeCommand(program.command('ping [count]'), 'measure the way to a broker and back', [
    ['wrenmq ping -h broker.example', 'until Ctrl-C'],
  ]);
  addConnectionFlags(command);
}

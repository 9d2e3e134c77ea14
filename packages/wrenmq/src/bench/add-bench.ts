import type { Command } from 'commander';
import { addConnectionFlags } from '#connection/connection-flags.ts';

/** `wrenmq bench` */
export function addBench(program: Command): void {
  addConnectionFlags(program.command('bench'));
}

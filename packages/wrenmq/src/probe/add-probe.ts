import type { Command } from 'commander';
import { addConnectionFlags } from '#connection/connection-flags.ts';

/** `wrenmq probe` */
export function addProbe(program: Command): void {
  addConnectionFlags(program.command('probe'));
}

import type { Command } from 'commander';
import { addConnectionFlags } from '#connection/connection-flags.ts';
import { describeCommand } from '#describe-command.ts';

/** `wrenmq context` */
export function addContext(program: Command): void {
  const context = describeCommand(program.command('context'), 'save connections under a name', [
    ['wrenmq context add prod -L mqtts://broker.example -u bob --password-file ~/.mqtt', 'save one; the password stays in its file'],
    ['wrenmq context use prod', 'use it from now on'],
    ["wrenmq sub -t '#' --context prod", 'use it once; WRENMQ_CONTEXT does the same'],
  ]);
  const load = () => import('./context.ts');
  addConnectionFlags(
    describeCommand(context.command('add <name>'), 'save the flags of a connection, in place of what the name held', [
      ['wrenmq context add home -h 192.168.1.2', 'a host'],
      ['wrenmq context add prod -L mqtts://bob@broker.example --password-env PROD_PASSWORD', 'the password from a variable'],
    ]),
  ).action(async (name: string, flags) => (await load()).addContext(name, flags));
  context
    .command('use [name]')
    .description('use it when no other is asked for; without a name: none')
    .action(async (name: string | undefined) => (await load()).useContext(name));
  context
    .command('list')
    .description('list them; * marks the one in use')
    .option('--json', 'as JSON')
    .action(async (flags) => (await load()).listContexts(flags));
  context
    .command('show [name]')
    .description('print what it holds, without secrets')
    .action(async (name: string | undefined) => (await load()).showContext(name));
  context
    .command('remove <name>')
    .description('forget it')
    .action(async (name: string) => (await load()).removeContext(name));
}

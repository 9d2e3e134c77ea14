import type { Command } from 'commander';
import { addConnectionFlags } from '#connection/connection-flags.ts';
import { describeCommand } from '#describe-command.ts';

const REMARKS = `
It writes only under a topic of its own, wrenmq-probe/<random>/, and takes away what it left there: retained messages and sessions.
It takes a few seconds, because some answers are a matter of time: keep alive, expiry, will delay.`;

export function addProbe(program: Command): void {
  const command = describeCommand(program.command('probe'), 'find out what a broker can do, and how it refuses', [
    ['wrenmq probe', 'the broker on this machine'],
    ['wrenmq probe -L mqtts://broker.example -u me -P', 'another one; asks for the password'],
    ['wrenmq probe --json | jq .checks.sharedSubscriptions', 'for machines'],
  ])
    .option('--json', 'as one JSON object')
    .option('--only <checks>', 'only these checks, by their keys in --json, with commas between')
    .option('--timeout <seconds>', 'how long to wait for an answer; default: 5')
    .option('--max-payload <bytes>', 'the largest payload to try; default: 1048576')
    .addHelpText('after', REMARKS)
    .action(async (options) => (await import('./probe.ts')).probe(options));
  addConnectionFlags(command);
}

import type { Command } from 'commander';
import { addConnectionFlags } from '#connection/connection-flags.ts';

const EXAMPLES = `
Examples:
  wrenmq probe                               the broker on this machine
  wrenmq probe -L mqtts://broker.example.com -u me --password-file secret
  wrenmq probe --json | jq .checks.sharedSubscriptions

It writes only under a topic of its own, wrenmq-probe/<random>/, and takes away what it left there: retained messages and sessions.
It takes a few seconds, because some answers are a matter of time: keep alive, expiry, will delay.`;

export function addProbe(program: Command): void {
  addConnectionFlags(program.command('probe'))
    .description('find out what a broker can do: versions, limits, features, and how it refuses')
    .option('--json', 'as one JSON object')
    .option('--only <checks>', 'only these checks, by their keys in --json, with commas between')
    .option('--timeout <seconds>', 'how long to wait for an answer; default: 5')
    .option('--max-payload <bytes>', 'the largest payload to try; default: 1048576')
    .addHelpText('after', EXAMPLES)
    .action(async (options) => (await import('./probe.ts')).probe(options));
}

import { Command } from 'commander';
import { addConnectionFlags } from '#connection/connection-flags.ts';
import { describeCommand } from '#describe-command.ts';

const REMARKS = `
Exit codes: 0 answered, 1 closed by the broker, 2 wrong usage, 3 unreachable, 4 refused, 27 not a single answer in time.
-c and -i mean what they mean to ping(8); the session and client id of the other commands are --disable-clean-session and --id here.`;

export function addPing(program: Command): void {
  const command = describeCommand(program.command('ping'), 'measure the way to a broker and back', [
    ['wrenmq ping', 'the broker on this machine, five times'],
    ['wrenmq ping 100 -h broker.example -i 0.1', 'a hundred times, ten in a second'],
    ['wrenmq ping 20 --cafile ca.pem --reconnect', 'each on a connection of its own: TCP, TLS and CONNECT too'],
    ['wrenmq ping -t test/ping -q 1 --size 256', 'also through a topic, there and back'],
    ['wrenmq ping -c 1 || echo down', 'in a script'],
  ])
    .argument('[count]', 'how often, as --count')
    .option('-c, --count <n>', 'how often; default: 5; 0: until it is interrupted')
    .option('-i, --interval <seconds>', 'from one to the next; default: 1')
    .option('-t, --topic <topic>', 'also publish there, and wait for the message to come back')
    .option('-q, --qos <qos>', 'of these messages; default: 0')
    .option('--size <bytes>', 'of these messages; default: 64')
    .option('--timeout <seconds>', 'how long to wait for an answer; default: 5')
    .option('--reconnect', 'a connection of its own for each: tells how long TCP, TLS and CONNECT take')
    .option('--json', 'as one JSON object at the end')
    .addHelpText('after', REMARKS)
    .action(async (count, options) => (await import('./ping.ts')).ping({ ...(count === undefined ? {} : { count }), ...options }));
  for (const option of addConnectionFlags(new Command()).options) {
    if (option.short === '-c' || option.short === '-i') {
      option.flags = option.flags.replace(/^-\w, /, '');
      delete option.short;
    }
    command.addOption(option);
  }
}

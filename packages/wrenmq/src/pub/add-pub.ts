import type { Command } from 'commander';
import { addConnectionFlags } from '#connection/connection-flags.ts';
import { describeCommand } from '#describe-command.ts';
import { addMessageFlags } from '#message/message-flags.ts';

/** `wrenmq pub` */
export function addPub(program: Command): void {
  const command = describeCommand(program.command('pub'), 'publish messages, as mosquitto_pub does', [
    ['wrenmq pub -t home/lamp -m on', 'one message'],
    ['wrenmq pub -t home/lamp -m on -q 1 -r', 'acknowledged and retained'],
    ['wrenmq pub -t home/lamp -n -r', 'clear what is retained'],
    [`wrenmq pub -t t -m '{"n":{{n}},"c":{{rand 15.0 25.0}}}' --template --rate 10/s`, 'ten a second, each another'],
    ['tail -f log | wrenmq pub -t log -l', 'every line a message'],
    ['wrenmq pub -t a -f picture.png --content-type image/png', 'a file'],
    ['wrenmq pub -L mqtts://bob@broker.example/a -P -m hi', 'TLS; asks for the password'],
  ]);
  addMessageFlags(command)
    .option('-l, --stdin-line', 'every line of standard input is a message')
    .option('-r, --retain', 'the broker keeps it for those who subscribe later')
    .option('--response-topic <topic>', 'where an answer is wanted')
    .option('--repeat <count>', 'publish it so many times')
    .option('--repeat-delay <seconds>', 'wait so long in between')
    .option('--rate <count/s>', 'so many a second (20, 20/s, 90/m, 10/h); without --repeat until Ctrl-C')
    .option('--json', 'tell on standard output, as JSON, what the broker answered')
    .option('--output <format>', 'text, or json and ndjson, which are both the same as --json');
  addConnectionFlags(command).action(async (flags) => (await import('./pub.ts')).pub(flags));
}

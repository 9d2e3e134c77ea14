import type { Command } from 'commander';
import { addConnectionFlags, collect } from '#connection/connection-flags.ts';
import { describeCommand } from '#describe-command.ts';
import { addPrintFlags } from '#message/print-flags.ts';

/** `wrenmq sub` */
export function addSub(program: Command): void {
  const command = describeCommand(program.command('sub'), 'subscribe and print what comes, as mosquitto_sub does', [
    ["wrenmq sub -t 'home/#' -v", 'topic and payload'],
    ["wrenmq sub -t 'home/#' --json | jq .payload", 'a line of JSON for each message'],
    ["wrenmq sub -t 'sensors/#' --decode auto --jq .values[0].celsius -v", 'one value, whatever the encoding'],
    ["wrenmq sub -t '#' --watch", 'what every topic says, on one screen'],
    ['wrenmq sub -t a -C 1 -W 10', 'one message, at most 10 seconds'],
    ["wrenmq sub -t '#' -F '%I %t %l bytes'", 'a format of your own'],
    ['wrenmq sub -t jobs -q 1 -i worker -c', 'a session that is kept: nothing is missed'],
    ["wrenmq sub -t 'old/#' --remove-retained --retained-only -W 2", 'clear what is retained'],
  ]);
  command
    .optionsGroup('Subscription:')
    .option('-t, --topic <filter>', 'repeatable', collect)
    .option('-U, --unsubscribe <filter>', 'take this out of the session; repeatable', collect)
    .option('-q, --qos <qos>', '0, 1 or 2; default: 0')
    .option('-C, --count <count>', 'end after so many messages')
    .option('-W, --timeout <seconds>', 'end after so long, with code 27')
    .option('-E, --exit-after-subscribe', 'end as soon as the broker has taken the subscription')
    .option('-T, --filter-out <filter>', 'do not print what matches; repeatable', collect)
    .option('-R, --no-retained', 'do not print retained messages')
    .option('--retained-only', 'print retained messages only; the first other one ends it')
    .option('--remove-retained', 'clear the retained messages that come')
    .option('--retain-as-published', 'the retain flag as the publisher set it')
    .option('--retain-handling <when>', '0: retained messages come at once; 1: if the subscription is new; 2: never')
    .option('--no-local', 'not what this client publishes itself')
    .option('--share <group>', 'share the messages with others of this group')
    .option('--random-filter <percent>', 'print only so many of a hundred');
  addPrintFlags(command)
    .option('-w, --watch', 'show the last message of each topic: on the screen all the time, on a pipe at the end')
    .option('--message-rate', 'print how many messages and bytes a second come, not the messages')
    .option('--dump <directory>', 'write each payload to a file there, and print its name');
  addConnectionFlags(command).action(async (flags) => (await import('./sub.ts')).sub(flags));
}

import type { Command } from 'commander';
import { addConnectionFlags } from '#connection/connection-flags.ts';
import { describeCommand } from '#describe-command.ts';
import { addMessageFlags } from '#message/message-flags.ts';
import { addPrintFlags } from '#message/print-flags.ts';

/** `wrenmq rr` */
export function addRr(program: Command): void {
  const command = describeCommand(program.command('rr'), 'send a request and print the answer, as mosquitto_rr does', [
    ['wrenmq rr -t device/7/get -m temperature', 'the answer comes to a topic of our own'],
    ['wrenmq rr -t ask -e answer -m hello -W 5', 'to a topic you name, within 5 seconds'],
    ['wrenmq rr -t echo -m x -C 100 --latency', 'how long a hundred answers take'],
    ['wrenmq rr -t ask -s --json < question.json', 'the question from a file, the answer with all its properties'],
  ]);
  addMessageFlags(command)
    .option('-e, --response-topic <topic>', 'where the answer is expected; MQTT 5: default is a topic of our own')
    .option('-W, --timeout <seconds>', 'wait no longer than this for an answer; ends with code 27')
    .option('-C, --count <count>', 'ask so many times, one after the other')
    .option('--latency', 'print how long the answer took, not the answer; statistics after several')
    .option('--retain-as-published', 'the retain flag as the publisher set it')
    .option('-R, --no-retained', 'a retained message is no answer');
  addPrintFlags(command);
  addConnectionFlags(command).action(async (flags) => (await import('./rr.ts')).rr(flags));
}

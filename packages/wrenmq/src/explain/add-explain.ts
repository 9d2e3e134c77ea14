import type { Command } from 'commander';
import { describeCommand } from '#describe-command.ts';

/** `wrenmq explain` */
export function addExplain(program: Command): void {
  describeCommand(program.command('explain [code...]'), 'tell what a reason code means and what to do, offline', [
    ['wrenmq explain 0x87', 'a reason code of MQTT 5'],
    ['wrenmq explain 135', 'the same in decimal'],
    ['wrenmq explain not authorized', 'by its name'],
    ['wrenmq explain 5', 'also what 3.1.1 means by it'],
    ['wrenmq explain 0x87 --lang zh', 'in Chinese'],
    ['wrenmq explain mqtt:3.3.2', 'what a section of MQTT 5 demands; mqtt311: for MQTT 3.1.1'],
    ['wrenmq explain config:listeners.tcp.bind', 'a key of the configuration, as wrenmq config explain'],
    ['wrenmq explain', 'all reason codes'],
  ])
    .option('--lang <language>', 'en or zh; default: as LANG says')
    .option('--packet <packet>', 'only what it means in this packet: CONNACK, SUBACK, ...')
    .option('--json', 'as JSON')
    .action(async (words: string[], flags) => (await import('./explain.ts')).explain(words, flags));
}

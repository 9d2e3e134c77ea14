import type { Command } from 'commander';

/** What commander makes of the flags that say how a message is printed. */
export interface PrintFlags {
  readonly format?: string;
  readonly verbose?: true;
  /** False: no end of line. */
  readonly eol?: boolean;
  readonly pretty?: true;
  readonly json?: true;
  readonly decode?: string;
  readonly jq?: string;
}

/** Gives a command that prints messages the flags for how. */
export function addPrintFlags(command: Command): Command {
  return command
    .optionsGroup('Output:')
    .option('-F, --format <format>', "mosquitto_sub's: %t topic, %p payload, %x in hex, %j JSON, %q, %r, %l, @H:@M:@S, \\n, ...")
    .option('-v, --verbose', 'print the topic too')
    .option('-N, --no-eol', 'no end of line after a message')
    .option('--pretty', 'JSON on several lines, for -F %j and %J')
    .option('--json', 'a line of JSON for each message')
    .option('--output <format>', 'text, json, ndjson (both the same as --json) or raw (the same as -N)')
    .option(
      '--decode <encoding>',
      'auto (by content type, and by topic for Sparkplug), json, hex, cbor, msgpack or sparkplug: print the payload as text',
    )
    .option('--jq <path>', 'print only this part of a payload of JSON, such as .sensors[0].name');
}

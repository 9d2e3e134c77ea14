import type { Command } from 'commander';
import { collect } from '#connection/connection-flags.ts';

/** What commander makes of the flags that say what to publish. */
export interface MessageFlags {
  readonly topic?: string;
  readonly message?: string;
  readonly file?: string;
  readonly stdinFile?: true;
  readonly stdinLine?: true;
  readonly nullMessage?: true;
  readonly qos?: string;
  readonly retain?: true;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlation?: string;
  readonly expiry?: string;
  readonly userProperty?: readonly string[];
  readonly encode?: string;
  readonly template?: true;
}

/** Gives a command that publishes the flags for what and where. */
export function addMessageFlags(command: Command): Command {
  return command
    .optionsGroup('Message:')
    .option('-t, --topic <topic>', 'where to')
    .option('-m, --message <text>', 'the payload')
    .option('-f, --file <file>', 'the payload is the content of this file')
    .option('-s, --stdin-file', 'the payload is the whole of standard input')
    .option('-n, --null-message', 'an empty payload')
    .option('--encode <encoding>', 'json (checked), hex, base64, cbor or msgpack: what becomes of the payload before it is sent')
    .option('--template', 'the payload holds {{n}}, {{ts}}, {{uuid}} or {{rand a b}}: a count, milliseconds, a UUID, a number')
    .option('-q, --qos <qos>', '0, 1 or 2; default: 0')
    .option('--content-type <type>', 'such as application/json')
    .option('--user-property <name=value>', 'repeatable', collect)
    .option('--correlation <data>', 'correlation data')
    .option('--expiry <seconds>', 'nobody wants it any more after so long');
}

import { CommandError, ExitCode } from '#exit-code.ts';
import type { PrintFlags } from '#message/print-flags.ts';
import { compileFormat, type Formatter } from './format-message.ts';
import { messageJson } from './message-json.ts';
import { now } from './strftime.ts';

/** How the flags want a message printed: --json, -F, -v, or the payload alone. */
export function messagePrinter(flags: PrintFlags, onNotJson: (topic: string) => void): Formatter {
  const end = flags.eol === false ? '' : '\n';
  if (flags.json === true) return (message, sink) => sink.put(`${messageJson(message, now())}\n`);
  if (flags.format !== undefined) {
    const format = compile(flags.format, { isPretty: flags.pretty === true, onNotJson });
    return (message, sink) => {
      format(message, sink);
      if (end !== '') sink.put(end);
    };
  }
  const isVerbose = flags.verbose === true;
  return ({ topic, payload }, sink) => {
    if (payload.length === 0) {
      if (isVerbose && end !== '') sink.put(`${topic} (null)\n`);
      return;
    }
    if (isVerbose) sink.put(`${topic} `);
    sink.put(payload);
    if (end !== '') sink.put(end);
  };
}

function compile(format: string, options: Parameters<typeof compileFormat>[1]): Formatter {
  try {
    return compileFormat(format, options);
  } catch (error) {
    throw new CommandError(`wrenmq: -F ${format}: ${(error as Error).message}`, ExitCode.Usage);
  }
}

import type { PrintFlags } from '#message/print-flags.ts';
import { parseExact } from '#output/exact-json.ts';
import { changed, type Printable } from '#output/printable.ts';
import { payloadDecoder } from './decode-payload.ts';
import { compilePath } from './payload-path.ts';

/** The message as it is to be printed; undefined when nothing of it is. */
export type PayloadTransform = (message: Printable) => Printable | undefined;

/** What --decode and --jq make of payloads before they are printed. */
export async function payloadTransform(flags: PrintFlags, complain: (what: string) => void): Promise<PayloadTransform> {
  const decode = flags.decode === undefined ? undefined : await payloadDecoder(flags.decode);
  const path = flags.jq === undefined ? undefined : compilePath(flags.jq);
  if (decode === undefined && path === undefined) return (message) => message;
  return (message) => {
    let text: string;
    try {
      text = decode === undefined ? Buffer.from(message.payload).toString('utf8') : decode(message);
    } catch (error) {
      complain(`the payload on ${message.topic} is not ${flags.decode}: ${(error as Error).message}`);
      return message;
    }
    const shown = path === undefined ? text : select(text, path);
    return shown === undefined ? undefined : changed(message, { payload: Buffer.from(shown), payloadBytes: message.payload.length });
  };
}

/** What the path finds: text as it is, other values as JSON; undefined where the payload is no JSON or has no such part. */
function select(text: string, path: (value: unknown) => unknown): string | undefined {
  try {
    const found = path(parseExact(text));
    return typeof found === 'string' ? found : JSON.stringify(found);
  } catch {
    return undefined;
  }
}

import type { Connection } from '#connection/connect-options.ts';
import type { MessageFlags } from '#message/message-flags.ts';
import { payloadEncoder } from './encode-payload.ts';
import { renderTemplate } from './render-template.ts';

/** What is sent as the message of this number, from 1. */
export type PayloadComposer = (given: Buffer, order: number) => Uint8Array | string;

/** What --template and --encode make of payloads before they are sent. */
export async function payloadComposer(flags: MessageFlags, { properties }: Connection): Promise<PayloadComposer> {
  const encode = await payloadEncoder(flags.encode);
  const isTemplate = flags.template === true;
  // A string travels with the payload format indicator.
  const isText = properties.publish.payloadFormatIndicator === 1;
  return (given, order) => {
    const filled = isTemplate ? Buffer.from(renderTemplate(given.toString('utf8'), order)) : given;
    const bytes = encode === undefined ? filled : encode(filled);
    return isText ? Buffer.from(bytes).toString('utf8') : bytes;
  };
}

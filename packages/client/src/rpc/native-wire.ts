import type { UserProperties } from '@wrenmq/codec';
import type { Message } from '#message/message.ts';
import type { CallAnswer } from './incoming-call.ts';

/*
 * The wire of MQTT 5: a profile of Azure IoT Operations' RPC (doc/reference/rpc-protocol.md and message-metadata.md there).
 *
 *   call     {prefix}/{method}          Response Topic, Correlation Data (16 bytes, a UUID), Message Expiry, __protVer __srcId __ts
 *   answer   the Response Topic         the same Correlation Data, __stat (as in HTTP), __stMsg and __apErr when it failed, __protVer __ts
 *
 * Ours, which theirs does not have:
 *
 *   call     x-idempotency-key; x-credit: so many items of a stream may be sent
 *   answer   x-seq: number of the item, from 0. x-end: the stream ends with this message. x-alive: the stream is only quiet
 *   control  {prefix}/{method}/control  with the call's Correlation Data: x-cancel: stop. x-credit: so many items may be sent altogether
 */
export const sequenceProperty = 'x-seq';
export const endProperty = 'x-end';
export const aliveProperty = 'x-alive';
export const cancelProperty = 'x-cancel';
export const creditProperty = 'x-credit';
export const idempotencyKeyProperty = 'x-idempotency-key';
const statusProperty = '__stat';
const statusMessageProperty = '__stMsg';
const sourceProperty = '__srcId';

/** What every call says of itself. */
export function requestProperties(clientId: string): [string, string][] {
  return [...versionProperties(clientId), [sourceProperty, clientId]];
}

export function responseProperties({ status, text, isApplicationError, properties = [] }: CallAnswer, clientId: string): UserProperties {
  const all: UserProperties = [[statusProperty, `${status}`], ...versionProperties(clientId), ...properties];
  if (text !== undefined) all.push([statusMessageProperty, text]);
  if (isApplicationError) all.push(['__apErr', 'true']);
  return all;
}

/** The time as a hybrid logical clock in their form: epoch milliseconds, counter, node. */
function versionProperties(clientId: string): [string, string][] {
  return [
    ['__protVer', '1.0'],
    ['__ts', `${String(Date.now()).padStart(15, '0')}:00000:${clientId}`],
  ];
}

/** 200 when the responder does not say. */
export function readStatus(message: Message): { readonly status: number; readonly text: string } {
  const status = readNumber(message, statusProperty) ?? 200;
  return { status, text: readProperty(message, statusMessageProperty) ?? `status ${status}` };
}

export function readCaller(message: Message): string {
  return readProperty(message, sourceProperty) ?? readProperty(message, '__invId') ?? '';
}

/** Where a responder is told what concerns a call that runs. Not shared: the one that runs it must hear it. */
export function controlTopic(methodTopic: string): string {
  return `${methodTopic}/control`;
}

/** The last value of a user property: what the broker added stands behind what the sender wrote. */
export function readProperty(message: Message, name: string): string | undefined {
  return message.userProperties.findLast(([key]) => key === name)?.[1];
}

/** A user property that is a whole number, below 10^15. */
export function readNumber(message: Message, name: string): number | undefined {
  const text = readProperty(message, name);
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** A UUID of version 4. `crypto.randomUUID` is missing on pages without TLS. */
export function createId(): Uint8Array {
  const id = crypto.getRandomValues(new Uint8Array(16));
  id[6] = (id[6] & 0x0f) | 0x40;
  id[8] = (id[8] & 0x3f) | 0x80;
  return id;
}

/** The bytes in the form of a UUID: 8-4-4-4-12 digits, when they are 16. */
export function formatId(id: Uint8Array): string {
  const digits = Array.from(id, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

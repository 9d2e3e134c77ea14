import { isUtf8 } from 'node:buffer';
import { parseExact } from './exact-json.ts';
import type { Printable } from './printable.ts';
import { type Moment, strftime } from './strftime.ts';

/** The object that mosquitto_sub prints for %j and %J, with its names. `payload` is what stands there for the payload. */
export function mosquittoObject(message: Printable, { date, nanoseconds }: Moment, payload: unknown): object {
  const micros = String(Math.floor(nanoseconds / 1000)).padStart(6, '0');
  const properties = mosquittoProperties(message);
  return {
    tst: `${strftime('F', date)}T${strftime('T', date)}.${micros}Z${strftime('z', date)}`,
    topic: message.topic,
    qos: message.qos,
    retain: message.retain ? 1 : 0,
    payloadlen: message.payloadBytes ?? message.payload.length,
    ...(message.qos > 0 ? { mid: message.packetId } : {}),
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    payload,
  };
}

/** The payload of %j: text, null when it is empty, and the bytes where text would be a lie. */
export function mosquittoPayload({ payload }: Printable): unknown {
  if (payload.length === 0) return null;
  return isUtf8(payload) ? textOf(payload) : [...payload];
}

/** The payload of %J; undefined when it is not JSON. */
export function parsePayload({ payload }: Printable): unknown {
  if (payload.length === 0) return null;
  if (!isUtf8(payload)) return undefined;
  try {
    return parseExact(textOf(payload));
  } catch {
    return undefined;
  }
}

/** The line of `--json`: never invalid, whatever the payload holds. */
export function messageJson(message: Printable, { date, nanoseconds }: Moment): string {
  const micros = String(Math.floor(nanoseconds / 1000)).padStart(6, '0');
  const properties = jsonProperties(message);
  return JSON.stringify({
    ts: `${date.toISOString().slice(0, -'.000Z'.length)}.${micros}Z`,
    topic: message.topic,
    qos: message.qos,
    retain: message.retain,
    dup: message.dup,
    ...(message.qos > 0 ? { mid: message.packetId } : {}),
    ...jsonPayload(message),
    size: message.payloadBytes ?? message.payload.length,
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
  });
}

const OPENS_OBJECT = 0x7b;
const OPENS_ARRAY = 0x5b;

function jsonPayload(message: Printable): { readonly encoding: 'json' | 'utf8' | 'base64'; readonly payload: unknown } {
  const { payload } = message;
  const isMaybeJson = payload[0] === OPENS_OBJECT || payload[0] === OPENS_ARRAY;
  const value = isMaybeJson ? parsePayload(message) : undefined;
  if (value !== undefined) return { encoding: 'json', payload: value };
  if (isUtf8(payload)) return { encoding: 'utf8', payload: textOf(payload) };
  return { encoding: 'base64', payload: Buffer.from(payload).toString('base64') };
}

function mosquittoProperties(message: Printable): object {
  const { subscriptionIdentifier, contentType, userProperties, correlationData, payloadFormatIndicator, responseTopic, expiry } = message;
  return {
    ...(subscriptionIdentifier === undefined ? {} : { 'subscription-identifier': subscriptionIdentifier }),
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
    ...(userProperties.length === 0 ? {} : { 'user-properties': Object.fromEntries(userProperties) }),
    ...(correlationData === undefined ? {} : { 'correlation-data': textOf(correlationData) }),
    ...(payloadFormatIndicator === undefined ? {} : { 'payload-format-indicator': payloadFormatIndicator }),
    ...(responseTopic === undefined ? {} : { 'response-topic': responseTopic }),
    ...(expiry === undefined ? {} : { 'message-expiry-interval': expiry }),
  };
}

function jsonProperties(message: Printable): object {
  const { subscriptionIdentifier, contentType, userProperties, correlationData, payloadFormatIndicator, responseTopic, expiry } = message;
  return {
    ...(payloadFormatIndicator === undefined ? {} : { payloadFormatIndicator }),
    ...(expiry === undefined ? {} : { messageExpiryInterval: expiry }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : jsonCorrelation(correlationData)),
    ...(subscriptionIdentifier === undefined ? {} : { subscriptionIdentifier }),
    // A list of pairs: names may repeat, and their order has a meaning.
    ...(userProperties.length === 0 ? {} : { userProperties }),
  };
}

function jsonCorrelation(data: Uint8Array): object {
  return isUtf8(data) ? { correlationData: textOf(data) } : { correlationDataBase64: Buffer.from(data).toString('base64') };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

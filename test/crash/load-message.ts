import { crc32 } from 'node:zlib';

/** Shorter payloads hold no name; the topic has it instead. */
const NAMED_PAYLOAD_BYTES = 40;
const tinyTopic = /\/t-([^/]+)$/;

/** A message of the load as its publisher knows it. */
export interface LoadMessage {
  /** Publisher and sequence, unique in a run. */
  readonly id: string;
  readonly publisher: string;
  /** Grows with every message of the publisher. */
  readonly sequence: number;
  readonly topic: string;
  readonly qos: 1 | 2;
  readonly payload: Buffer;
}

/** What one message is made of. */
export interface LoadMessageRequest {
  readonly publisher: string;
  readonly sequence: number;
  readonly topic: string;
  readonly qos: 1 | 2;
  /** Payload bytes, at least 1. A short one moves the message below `topic`, to `topic/t-<id>`. */
  readonly bytes: number;
}

/** Makes a message that can be told from every other one by its topic and payload alone, at any size. */
export function loadMessage(request: LoadMessageRequest): LoadMessage {
  const { publisher, sequence, topic, qos, bytes } = request;
  const id = `${publisher}:${sequence}`;
  const isTiny = bytes < NAMED_PAYLOAD_BYTES;
  const payload = fill(id, bytes);
  if (!isTiny) payload.write(`${id};`, 0, 'latin1');
  return { id, publisher, sequence, topic: isTiny ? `${topic}/t-${id}` : topic, qos, payload };
}

/** The id that a delivered message claims; null when it has none. Whether it is intact is for the checksum to say. */
export function idOf(topic: string, payload: Buffer): string | null {
  const tiny = tinyTopic.exec(topic);
  if (tiny !== null) return tiny[1];
  const end = payload.subarray(0, NAMED_PAYLOAD_BYTES).indexOf(';');
  return end <= 0 ? null : payload.toString('latin1', 0, end);
}

/** Bytes that are different in every message and at every place. */
function fill(id: string, bytes: number): Buffer {
  const payload = Buffer.allocUnsafe(bytes);
  let state = crc32(id) || 1;
  for (let at = 0; at < bytes; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    payload[at] = state;
  }
  return payload;
}

/** Sizes as telemetry has them, mostly small, up to 256 KiB. `random` gives numbers in [0, 1). */
export function payloadBytes(random: () => number): number {
  const kind = random();
  const most = kind < 0.25 ? 40 : kind < 0.85 ? 300 : kind < 0.96 ? 4096 : kind < 0.99 ? 32 * 1024 : 256 * 1024;
  return 1 + Math.floor(random() * most);
}

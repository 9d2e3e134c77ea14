import type { ProtocolVersion } from '@wrenmq/testkit';

/** What can be said of the bytes of a client without knowing what the broker makes of them. */
export interface StreamFacts {
  /** In what form a broker has to answer; null when it may not answer, since the stream begins with no readable CONNECT. */
  readonly version: ProtocolVersion | null;
  /** The stream ends within a packet: the broker waits for more. */
  readonly isUnfinished: boolean;
  /** One of its packets is a DISCONNECT, after which a broker closes without a word. */
  readonly hasDisconnect: boolean;
}

/** Reads a stream as far as it has the form of packets, whatever they say. */
export function readStream(bytes: Buffer): StreamFacts {
  let version: ProtocolVersion | null = null;
  let hasDisconnect = false;
  for (let at = 0; at < bytes.length;) {
    const header = headerAt(bytes, at);
    if (header === null) return { version, isUnfinished: true, hasDisconnect };
    const end = header.body + header.length;
    if (at === 0 && bytes[0] >> 4 === 1) version = versionOf(bytes.subarray(header.body, end));
    if (end > bytes.length) return { version, isUnfinished: true, hasDisconnect };
    if (bytes[at] >> 4 === 14) hasDisconnect = true;
    at = end;
  }
  return { version, isUnfinished: false, hasDisconnect };
}

/** Null when the fixed header is not complete; a broken one counts as a packet without a body. */
function headerAt(bytes: Buffer, at: number): { body: number; length: number } | null {
  let length = 0;
  for (let index = 1; index <= 4; index += 1) {
    if (at + index >= bytes.length) return null;
    const digit = bytes[at + index];
    length += (digit & 0x7f) * 128 ** (index - 1);
    if (digit < 0x80) return { body: at + index + 1, length };
  }
  return { body: at + 5, length: 0 };
}

function versionOf(body: Buffer): ProtocolVersion | null {
  if (body.length < 2) return null;
  const nameEnd = 2 + body.readUInt16BE(0);
  if (nameEnd >= body.length) return null;
  const level = body[nameEnd];
  if (body.toString('latin1', 2, nameEnd) === 'MQIsdp') return 3;
  // 0x84: a bridge of MQTT 3.1.1.
  return level < 5 || level === 0x84 ? 4 : 5;
}

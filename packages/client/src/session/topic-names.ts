// HOT
import { ReasonCode, ProtocolError, decodeUtf8 } from '@wrenmq/codec';

/** A power of two. */
const slots = 512;
/** Longer names are not remembered. */
const nameBytesMax = 256;

interface Name {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/** Topic names that have come, by their bytes: decoding and checking one costs more than recognising it. */
export class TopicNames {
  readonly #names: (Name | undefined)[] = Array.from({ length: slots });

  /** Throws a ProtocolError when it is no topic name. */
  decode(bytes: Uint8Array, start: number, end: number): string {
    let hash = end - start;
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + bytes[at]) | 0;
    const slot = (hash ^ (hash >>> 15)) & (slots - 1);
    const known = this.#names[slot];
    if (known !== undefined && isSame(known.bytes, bytes, start, end)) return known.text;
    const text = decodeUtf8(bytes, start, end);
    if (/[+#]/.test(text)) throw new ProtocolError(ReasonCode.TopicNameInvalid, 'MQTT-3.3.2-2', 'a topic name has wildcards'); // [MQTT-3.3.2-2] [MQTT311-3.3.2-2]
    if (end - start <= nameBytesMax) this.#names[slot] = { bytes: bytes.slice(start, end), text };
    return text;
  }
}

function isSame(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let index = 0; index < name.length; index++) if (name[index] !== bytes[start + index]) return false;
  return true;
}

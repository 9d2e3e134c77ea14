import { crc32 } from 'node:zlib';
import { VARINT_BYTES_MAX, VarintReader, writeVarint } from './varint.ts';

/*
 * The topics of a sealed segment stand in their order (that of JavaScript strings) in pages of about 8 KiB, each with the ordinals of its records:
 *
 *   page  = checksum u32 | entries
 *   entry = bytes of the name shared with the one before varint | bytes of the rest varint, rest
 *         | how many ordinals varint | bytes of the ordinals varint | ordinals
 *
 * Ordinals are varints: the first one, and the steps to the next ones. Those of a topic are bounded only by the segment.
 */
const PAGE_BYTES = 8 * 1024;
const CHECKSUM_BYTES = 4;

/** A topic and where its records are. */
export interface IndexEntry {
  readonly topic: string;
  readonly count: number;
  /** Encoded; see `decodeOrdinals`. */
  readonly ordinals: Buffer;
}

/** A page that entries are added to, in the order of their topics. */
export class IndexPageWriter {
  /** The topic of the first entry. */
  firstTopic = '';
  #bytes = Buffer.allocUnsafeSlow(2 * PAGE_BYTES);
  #at = CHECKSUM_BYTES;
  #name: Buffer = Buffer.alloc(0);

  get isEmpty(): boolean {
    return this.#at === CHECKSUM_BYTES;
  }

  get isFull(): boolean {
    return this.#at >= PAGE_BYTES;
  }

  add(topic: string, ordinals: Uint32Array): void {
    if (this.isEmpty) this.firstTopic = topic;
    const name = Buffer.from(topic);
    let shared = 0;
    while (shared < name.length && shared < this.#name.length && name[shared] === this.#name[shared]) shared += 1;
    this.#reserve(name.length + (5 + ordinals.length) * VARINT_BYTES_MAX);
    let at = writeVarint(this.#bytes, this.#at, shared);
    at = writeVarint(this.#bytes, at, name.length - shared);
    at += name.copy(this.#bytes, at, shared);
    at = writeVarint(this.#bytes, at, ordinals.length);
    at = writeVarint(this.#bytes, at, ordinalBytes(ordinals));
    this.#at = writeOrdinals(this.#bytes, at, ordinals);
    this.#name = name;
  }

  /** The page's bytes; the next page begins. */
  take(seed: number): Buffer {
    this.#bytes.writeUInt32LE(crc32(this.#bytes.subarray(CHECKSUM_BYTES, this.#at), seed), 0);
    const page = Buffer.from(this.#bytes.subarray(0, this.#at));
    this.#at = CHECKSUM_BYTES;
    this.#name = Buffer.alloc(0);
    return page;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.#at + bytes));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

export function isSoundPage(page: Buffer, seed: number): boolean {
  return page.length > CHECKSUM_BYTES && crc32(page.subarray(CHECKSUM_BYTES), seed) === page.readUInt32LE(0);
}

/** The entries of a sound page. */
export function* entriesOf(page: Buffer): Generator<IndexEntry> {
  const reader = new VarintReader(page, CHECKSUM_BYTES);
  let name: Buffer = Buffer.alloc(0);
  while (reader.at < page.length) {
    const shared = reader.next();
    const rest = reader.next();
    const next = Buffer.allocUnsafe(shared + rest);
    name.copy(next, 0, 0, shared);
    page.copy(next, shared, reader.at, reader.at + rest);
    reader.at += rest;
    name = next;
    const count = reader.next();
    const bytes = reader.next();
    yield { topic: name.toString(), count, ordinals: page.subarray(reader.at, reader.at + bytes) };
    reader.at += bytes;
  }
}

/** The ordinals of an entry, ascending. */
export function decodeOrdinals({ count, ordinals }: IndexEntry): Uint32Array {
  const reader = new VarintReader(ordinals);
  const decoded = new Uint32Array(count);
  let ordinal = 0;
  for (let i = 0; i < count; i += 1) decoded[i] = ordinal += reader.next();
  return decoded;
}

function ordinalBytes(ordinals: Uint32Array): number {
  let bytes = 0;
  let before = 0;
  for (const ordinal of ordinals) {
    for (let step = ordinal - before; step > 0x7f; step >>>= 7) bytes += 1;
    bytes += 1;
    before = ordinal;
  }
  return bytes;
}

function writeOrdinals(into: Buffer, start: number, ordinals: Uint32Array): number {
  let at = start;
  let before = 0;
  for (const ordinal of ordinals) {
    at = writeVarint(into, at, ordinal - before);
    before = ordinal;
  }
  return at;
}

// HOT

/**
 * The counts of an HDR histogram of whole numbers from 1 to an hour in nanoseconds, exact to three digits: for each power of two from 2048 on
 * 1024 counts of equal width, and one for each number below. Node's own histogram tells percentiles, but not the counts, without which
 * histograms of several threads cannot be added and no HdrHistogram log be written.
 */
export class HdrCounts {
  readonly #counts = new Float64Array(COUNTS);
  #total = 0;
  /** Above the largest index that counts. */
  #end = 0;

  get total(): number {
    return this.#total;
  }

  /** Counts a value; what is outside counts as the smallest or the largest. Must not allocate. */
  record(value: number): void {
    const index = indexOf(value < 1 ? 1 : value > HIGHEST_VALUE ? HIGHEST_VALUE : value);
    this.#counts[index] += 1;
    this.#total += 1;
    if (index >= this.#end) this.#end = index + 1;
  }

  add(other: HdrCounts): void {
    for (let index = 0; index < other.#end; index += 1) this.#counts[index] += other.#counts[index];
    this.#total += other.#total;
    this.#end = Math.max(this.#end, other.#end);
  }

  reset(): void {
    this.#counts.fill(0, 0, this.#end);
    this.#total = 0;
    this.#end = 0;
  }

  /** The largest of the values that share the count which holds this percentile; 0 when nothing was recorded. */
  percentile(percent: number): number {
    const wanted = Math.max(1, Math.floor((percent / 100) * this.#total + 0.5));
    let seen = 0;
    for (let index = 0; index < this.#end; index += 1) {
      seen += this.#counts[index];
      if (seen >= wanted) return valueAfter(index) - 1;
    }
    return 0;
  }

  /** The counts in HdrHistogram's encoding V2, not compressed: what `addEncoded` and HdrHistogram's own libraries read. */
  encode(): Uint8Array {
    const bytes = Buffer.allocUnsafe(HEADER_BYTES + this.#end * VARINT_BYTES_MAX);
    let end = HEADER_BYTES;
    for (let index = 0; index < this.#end;) {
      let zeros = 0;
      while (this.#counts[index + zeros] === 0) zeros += 1;
      const value = zeros === 0 ? this.#counts[index] : zeros === 1 ? 0 : -zeros;
      end = writeZigZag(bytes, end, value);
      index += Math.max(1, zeros);
    }
    writeHeader(bytes, end - HEADER_BYTES);
    return Uint8Array.prototype.slice.call(bytes, 0, end);
  }

  /** Adds what `encode` has written. */
  addEncoded(encoded: Uint8Array): void {
    for (let at = HEADER_BYTES, index = 0; at < encoded.length;) {
      let zigZag = 0;
      let scale = 1;
      for (; encoded[at] >= 0x80; at += 1, scale *= 128) zigZag += (encoded[at] - 0x80) * scale;
      zigZag += encoded[at++] * scale;
      if (zigZag % 2 === 1) index += (zigZag + 1) / 2;
      else {
        const count = zigZag / 2;
        this.#counts[index++] += count;
        this.#total += count;
        this.#end = Math.max(this.#end, index);
      }
    }
  }
}

/** The cookie of encoding V2, with counts of variable length. */
const V2_COOKIE = 0x1c84_9313;
const DIGITS = 3;
const HIGHEST_VALUE = 3600 * 1e9;
const SUB_BUCKETS = 2048;
const HALF = SUB_BUCKETS / 2;
/** Powers of two from the first 2048 numbers to beyond the highest value. */
const BUCKETS = 32;
const COUNTS = (BUCKETS + 1) * HALF;
const HEADER_BYTES = 40;
/** Of a count below 2 ** 53. */
const VARINT_BYTES_MAX = 8;

/** Exact: powers of two. PERF: a division by a power that is reckoned each time makes `record` two to three times as slow. */
const SHRUNK = Float64Array.from({ length: BUCKETS }, (_, bucket) => 2 ** -bucket);

function indexOf(value: number): number {
  const highestBit = value < 0x1_0000_0000 ? 31 - Math.clz32(value) : 63 - Math.clz32(value / 0x1_0000_0000);
  const bucket = highestBit > 10 ? highestBit - 10 : 0;
  return bucket * HALF + Math.floor(value * SHRUNK[bucket]);
}

/** The smallest value that counts after this index. */
function valueAfter(index: number): number {
  const bucket = Math.max(0, Math.floor(index / HALF) - 1);
  return (index - bucket * HALF + 1) * 2 ** bucket;
}

function writeHeader(bytes: Buffer, payloadBytes: number): void {
  bytes.writeUInt32BE(V2_COOKIE, 0);
  bytes.writeUInt32BE(payloadBytes, 4);
  bytes.writeUInt32BE(0, 8);
  bytes.writeUInt32BE(DIGITS, 12);
  bytes.writeBigInt64BE(1n, 16);
  bytes.writeBigInt64BE(BigInt(HIGHEST_VALUE), 24);
  bytes.writeDoubleBE(1, 32);
}

/** 0, -1, 1, -2, ... as 0, 1, 2, 3, ..., seven bits in each byte, the lowest first. Returns where the next may stand. */
function writeZigZag(bytes: Uint8Array, start: number, value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  let at = start;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) + 0x80;
  bytes[at++] = rest;
  return at;
}

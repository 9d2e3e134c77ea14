/** A longer name is kept only up to here, so that a few do not fill the ring. */
const NAME_BYTES_MAX = 1024;
const LENGTH_BYTES = 2;
/** Parts of one name: no topic and no filter contains it. */
const SEPARATOR = '\0';
/** In place of what is too long: no text that is kept whole begins with it. */
const TOO_LONG = '\u0001';

/** The last names that a decision needs in full, in one block of memory: each new one overwrites the oldest. */
export class NameRing {
  readonly #bytes: Buffer;
  /** How many bytes were ever written, modulo 2^32. */
  #written = 0;

  /** `bytes`: a power of two, 4096 at least. */
  constructor(bytes: number) {
    this.#bytes = Buffer.alloc(bytes);
  }

  get capacity(): number {
    return this.#bytes.length;
  }

  /** Returns the place, 32 bits; the parts come back together. */
  write(...parts: string[]): number {
    let bytes = Buffer.from(parts.join(SEPARATOR));
    if (bytes.length > NAME_BYTES_MAX) bytes = Buffer.from(parts.map(shorten).join(SEPARATOR));
    const { length } = this.#bytes;
    const needed = LENGTH_BYTES + bytes.length;
    const offset = this.#written & (length - 1);
    // A name lies in one piece.
    if (offset + needed > length) this.#advance(length - offset);
    const place = this.#written;
    const start = place & (length - 1);
    this.#bytes.writeUInt16LE(bytes.length, start);
    bytes.copy(this.#bytes, start + LENGTH_BYTES);
    this.#advance(needed);
    return place | 0;
  }

  /** The parts; null when they were overwritten. */
  read(place: number): readonly string[] | null {
    const age = (this.#written - place) >>> 0;
    if (age === 0 || age > this.#bytes.length) return null;
    const start = place & (this.#bytes.length - 1);
    const end = start + LENGTH_BYTES + this.#bytes.readUInt16LE(start);
    return this.#bytes.toString('utf8', start + LENGTH_BYTES, end).split(SEPARATOR);
  }

  #advance(bytes: number): void {
    this.#written = (this.#written + bytes) >>> 0;
  }
}

/** Whether the part is what was written, and not the beginning of something that is too long. */
export function isWhole(part: string): boolean {
  return !part.startsWith(TOO_LONG);
}

/** A part as it is shown. */
export function shownName(part: string): string {
  return isWhole(part) ? part : `${part.slice(TOO_LONG.length)}…`;
}

function shorten(part: string): string {
  return part.length <= 100 ? part : `${TOO_LONG}${part.slice(0, 100)}`;
}

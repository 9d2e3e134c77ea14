import { VARINT_BYTES_MAX, VarintReader, writeVarint } from './varint.ts';

/** Where an index page stands, and with which topic it begins. */
export interface PagePlace {
  readonly at: number;
  readonly bytes: number;
  readonly firstTopic: string;
}

export function encodeDirectory(pages: readonly PagePlace[]): Buffer {
  const names = pages.map(({ firstTopic }) => Buffer.from(firstTopic));
  const bytes = Buffer.allocUnsafeSlow(VARINT_BYTES_MAX + names.reduce((sum, name) => sum + name.length + 3 * VARINT_BYTES_MAX, 0));
  let at = writeVarint(bytes, 0, pages.length);
  pages.forEach((page, index) => {
    at = writeVarint(bytes, at, page.bytes);
    at = writeVarint(bytes, at, page.at);
    at = writeVarint(bytes, at, names[index].length);
    at += names[index].copy(bytes, at);
  });
  return bytes.subarray(0, at);
}

export function decodeDirectory(bytes: Buffer): PagePlace[] {
  const reader = new VarintReader(bytes);
  return Array.from({ length: reader.next() }, () => {
    const pageBytes = reader.next();
    const at = reader.next();
    const nameBytes = reader.next();
    const firstTopic = bytes.toString('utf8', reader.at, reader.at + nameBytes);
    reader.at += nameBytes;
    return { at, bytes: pageBytes, firstTopic };
  });
}

/** The index of the page that would hold a topic. */
export function pageOf(pages: readonly PagePlace[], topic: string): number {
  let low = 0;
  let high = pages.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (pages[middle].firstTopic <= topic) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** What every topic that the filter matches begins with. */
export function prefixOf(filter: string): string {
  const wildcard = filter.search(/[+#]/);
  if (wildcard < 0) return filter;
  // `a/#` matches `a` as well.
  return filter[wildcard] === '#' && wildcard > 0 ? filter.slice(0, wildcard - 1) : filter.slice(0, wildcard);
}

export function hasWildcard(filter: string): boolean {
  return /[+#]/.test(filter);
}

const POLYNOMIAL = 0x82f63b78;
/** Four tables of 256: what a byte does when it is followed by none, one, two, three others. */
const TABLES = makeTables();

/** CRC-32C (Castagnoli) of `bytes[start..end)`; `seed` is the result of the bytes before. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, seed = 0): number {
  let crc = ~seed;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    crc ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    crc = TABLES[768 + (crc & 0xff)] ^ TABLES[512 + ((crc >>> 8) & 0xff)] ^ TABLES[256 + ((crc >>> 16) & 0xff)] ^ TABLES[crc >>> 24];
  }
  for (; at < end; at += 1) crc = TABLES[(crc ^ bytes[at]) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}

function makeTables(): Uint32Array {
  const tables = new Uint32Array(1024);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    tables[byte] = crc;
  }
  for (let at = 256; at < 1024; at += 1) tables[at] = (tables[at - 256] >>> 8) ^ tables[tables[at - 256] & 0xff];
  return tables;
}

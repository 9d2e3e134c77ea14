const POLYNOMIAL = 0x82f63b78;

/** CRC-32C (Castagnoli, RFC 3720 B.4), bit by bit: for short inputs that come once in a connection. */
export function crc32c(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) {
    remainder ^= byte;
    for (let bit = 0; bit < 8; bit += 1) remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
  }
  return ~remainder >>> 0;
}

// HOT

/**
 * Where a record stands, in one number, because the index holds millions of them: 15 bits of the segment's number, 29 bits
 * of its offset there in units of 8 bytes, 9 bits of its size, rounded up by less than 7 %.
 */
const SIZE_CLASSES = 512;
const OFFSETS = 2 ** 29;
const SEGMENT_SHIFT = SIZE_CLASSES * OFFSETS;
/** At most so many segments exist at once; their numbers in locations wrap around there. */
export const SEGMENTS_MAX = 2 ** 15;
/** Records stand at multiples of this. */
export const ALIGNMENT = 8;
/** No record begins behind this offset of its segment. */
export const OFFSET_MAX = (OFFSETS - 1) * ALIGNMENT;

export function packLocation(segment: number, offset: number, bytes: number): number {
  return (segment % SEGMENTS_MAX) * SEGMENT_SHIFT + (offset / ALIGNMENT) * SIZE_CLASSES + sizeClassOf(bytes);
}

/** The segment's number modulo SEGMENTS_MAX. */
export function segmentOf(location: number): number {
  return Math.floor(location / SEGMENT_SHIFT);
}

export function offsetOf(location: number): number {
  // A bit operation sees the lower 32 bits of what is larger.
  return (Math.floor(location / SIZE_CLASSES) & (OFFSETS - 1)) * ALIGNMENT;
}

/** The record's bytes, rounded up. */
export function bytesOf(location: number): number {
  const sizeClass = location & (SIZE_CLASSES - 1);
  if (sizeClass < 16) return sizeClass * ALIGNMENT;
  const exponent = (sizeClass >> 4) - 1;
  return ((sizeClass & 15) + 16) * (1 << exponent) * ALIGNMENT;
}

/** Units below 16 stand for themselves; above, four bits of mantissa behind the leading one, and an exponent. */
function sizeClassOf(bytes: number): number {
  const units = Math.ceil(bytes / ALIGNMENT);
  if (units < 16) return units;
  const exponent = 27 - Math.clz32(units);
  const mantissa = Math.ceil(units / 2 ** exponent);
  return mantissa === 32 ? (exponent + 2) * 16 : exponent * 16 + mantissa;
}

// HOT

/**
 * What a message of a load carries at the start of its payload, all little-endian:
 *
 *     magic (4) | run (4) | stream (4) | sequence (4) | intended time, milliseconds (double, 8)
 *     | how much later it was written, milliseconds (float, 4)
 *
 * The time is that of the machine's monotonic clock: it means the same in every process of one machine.
 */
export const stampBytes = 28;
const MAGIC = 0x774d_6242;

export class Stamp {
  run = 0;
  stream = 0;
  sequence = 0;
  intendedMs = 0;
  delayMs = 0;
}

export function writeStamp(bytes: Buffer, at: number, stamp: Stamp): void {
  bytes.writeUInt32LE(MAGIC, at);
  bytes.writeUInt32LE(stamp.run, at + 4);
  bytes.writeUInt32LE(stamp.stream, at + 8);
  bytes.writeUInt32LE(stamp.sequence, at + 12);
  bytes.writeDoubleLE(stamp.intendedMs, at + 16);
  bytes.writeFloatLE(stamp.delayMs, at + 24);
}

/** False when the payload is not that of a load. Must not allocate. */
export function readStamp(into: Stamp, bytes: Buffer, at: number, end: number): boolean {
  if (end - at < stampBytes || bytes.readUInt32LE(at) !== MAGIC) return false;
  into.run = bytes.readUInt32LE(at + 4);
  into.stream = bytes.readUInt32LE(at + 8);
  into.sequence = bytes.readUInt32LE(at + 12);
  into.intendedMs = bytes.readDoubleLE(at + 16);
  into.delayMs = bytes.readFloatLE(at + 24);
  return true;
}

const CLOCK_READINGS = 16;

/**
 * What must be added to `performance.now()` to get the machine's monotonic clock. Of several readings the one that took the least: a thread that
 * loses its core between the two clocks would be wrong by that for the whole run.
 */
export function machineClockOffsetMs(): number {
  let [shortestMs, offsetMs] = [Infinity, 0];
  for (let reading = 0; reading < CLOCK_READINGS; reading += 1) {
    const beforeMs = performance.now();
    const machineMs = Number(process.hrtime.bigint()) / 1e6;
    const afterMs = performance.now();
    if (afterMs - beforeMs >= shortestMs) continue;
    shortestMs = afterMs - beforeMs;
    offsetMs = machineMs - (beforeMs + afterMs) / 2;
  }
  return offsetMs;
}

import { crc32 } from 'node:zlib';
import type { Disk } from '#store/journal/disk.ts';
import type { ShelfPlan } from './history-settings.ts';

/*
 * The file `position`: checksum u32 | magic u32 | nextOffset f64 | missed f64 | logOffset f64 | isClosed f64 | plan, as JSON
 */
const NAME = 'position';
const NEW_NAME = 'position.new';
const MAGIC = 0x31504857;
const HEADER_BYTES = 40;

/** What of the history cannot be found in its segments, which may all be gone. */
export interface HistoryPosition {
  /** Every offset that was given is below it, when the history was closed. */
  readonly nextOffset: number;
  readonly missed: number;
  /** What the log had up to here is kept, or was not to be. */
  readonly logOffset: number;
  readonly isClosed: boolean;
  /** On which shelf what was published from `logOffset` on went. */
  readonly plan: ShelfPlan;
}

export async function readPosition(disk: Disk): Promise<HistoryPosition | null> {
  if (!(await disk.list()).includes(NAME)) return null;
  const file = await disk.open(NAME);
  let bytes: Buffer;
  try {
    bytes = Buffer.alloc(await file.bytes());
    await file.read(bytes, 0);
  } finally {
    await file.close();
  }
  if (bytes.length <= HEADER_BYTES || bytes.readUInt32LE(4) !== MAGIC || crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0)) return null;
  return {
    nextOffset: bytes.readDoubleLE(8),
    missed: bytes.readDoubleLE(16),
    logOffset: bytes.readDoubleLE(24),
    isClosed: bytes.readDoubleLE(32) === 1,
    plan: JSON.parse(bytes.toString('utf8', HEADER_BYTES)) as ShelfPlan,
  };
}

export async function writePosition(disk: Disk, position: HistoryPosition): Promise<void> {
  const { enabled, exclude, rules } = position.plan;
  const bytes = Buffer.concat([Buffer.alloc(HEADER_BYTES), Buffer.from(JSON.stringify({ enabled, exclude, rules }))]);
  bytes.writeUInt32LE(MAGIC, 4);
  bytes.writeDoubleLE(position.nextOffset, 8);
  bytes.writeDoubleLE(position.missed, 16);
  bytes.writeDoubleLE(position.logOffset, 24);
  bytes.writeDoubleLE(position.isClosed ? 1 : 0, 32);
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
  const file = await disk.create(NEW_NAME);
  try {
    await file.write(bytes, 0);
    await file.flush();
  } finally {
    await file.close();
  }
  await disk.rename(NEW_NAME, NAME);
  await disk.flushDirectory();
}

import { randomBytes } from 'node:crypto';
import type { Clock } from '#base/clock.ts';
import { OperationalError } from '#base/errors.ts';
import type { Logger } from '#base/logger.ts';
import { type Checkpoint, CHECKPOINT, CHECKPOINT_UNDER_WAY, readCheckpoint } from './checkpoint.ts';
import { type CheckpointPace, normalPace } from './checkpointer.ts';
import { findSegments } from './find-segments.ts';
import { codeOf, type Disk } from './disk.ts';
import { JournalStore } from './journal-store.ts';
import { Manifest, type ManifestState } from './manifest.ts';
import { readSegments } from './read-segments.ts';
import { Recovery, type ReplayRange } from './recovery.ts';
import { SegmentBytes } from './segment-bytes.ts';
import { Segment, segmentName, segmentNumber, Segments } from './segments.ts';

/** An empty file of this name lets a damaged store open without what cannot be read. */
export const ACCEPT_DAMAGE = 'accept-damage';

export interface OpenJournalOptions {
  readonly disk: Disk;
  /** How messages name the place. */
  readonly directory: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly bytesMax: number;
  /** How often the index is written; tests write it sooner. */
  readonly pace?: CheckpointPace;
  /** Called when the store is closed. */
  readonly onClosed: () => Promise<void>;
}

/** Opens the journal of a directory, or begins one. Rejects with OperationalError `store.damaged`, `store.format`, `store.full` or `store.failed`. */
export async function openJournal(options: OpenJournalOptions): Promise<JournalStore> {
  try {
    return await open(options);
  } catch (cause) {
    if (cause instanceof OperationalError && cause.code === 'store.damaged') {
      throw new OperationalError(cause.code, `the store in ${options.directory} is damaged: ${cause.message}`, { cause });
    }
    if (cause instanceof OperationalError || codeOf(cause) === null) throw cause;
    throw new OperationalError('store.failed', `the store in ${options.directory} cannot be opened: ${String(cause)}`, { cause });
  }
}

async function open(options: OpenJournalOptions): Promise<JournalStore> {
  const { disk, log, directory } = options;
  const names = await disk.list();
  const manifest = (await Manifest.open(disk)) ?? (await begin(disk, names));
  try {
    if (manifest.isDamaged) log.warn({ directory }, 'one of the two manifests of the store was unreadable and is written again');
    // ORDER: what was read may never have been flushed; nothing may build upon it before it is.
    await manifest.save({});
    await removeLeftovers(disk, names, manifest.state);
    return await openSegments(options, manifest, names.includes(ACCEPT_DAMAGE));
  } catch (error) {
    await manifest.close();
    throw error;
  }
}

async function openSegments(options: OpenJournalOptions, manifest: Manifest, isDamageAccepted: boolean): Promise<JournalStore> {
  const { disk, log, directory } = options;
  const found = manifest.state;
  // What can be known of a damaged journal is known by reading all of it.
  const fromCheckpoint = isDamageAccepted ? null : await replayFromCheckpoint(disk, found);
  const { recovery, segments, checkpoint } = fromCheckpoint ?? (await replay(disk, found, null, []));
  if (recovery.hasDroppedUnfinished) log.info({ directory }, 'an unfinished commit at the end of the store was dropped');
  const hasLosses = recovery.losses.length > 0;
  if (hasLosses && !isDamageAccepted) throw damagedBy(recovery, directory);
  if (hasLosses) await disk.remove(CHECKPOINT);
  const journal = new Segments({ ...options, manifest });
  journal.adopt(segments, hasLosses ? null : lastUsed(segments), recovery);
  // A new store needs a segment to write, one that goes on behind damage needs a fresh one.
  if (journal.isEmpty || hasLosses) await journal.prepare();
  if (recovery.lastFrame !== null) await flushAgain(disk, recovery.lastFrame);
  const store = new JournalStore({
    ...options,
    segments: journal,
    index: recovery.index,
    manifest,
    pace: options.pace ?? normalPace,
    checkpoint: { bytes: checkpoint?.bytes ?? 0, changes: checkpoint?.state.changes ?? found.changesBefore },
  });
  await store.restoreReserve();
  for (const record of recovery.damaged) await store.quarantine(record);
  if (hasLosses) await goOnWithout(recovery, store, found.last, options);
  store.considerCheckpoint();
  return store;
}

/**
 * A killed process may not have seen the end of its last write, or have been told that it failed: what can be read is then not
 * yet, or never going to be, on the device, and flushing the file would not write it again.
 */
async function flushAgain(disk: Disk, { segment, offset, bytes }: NonNullable<Recovery['lastFrame']>): Promise<void> {
  const file = await disk.open(segmentName(segment));
  try {
    await file.writeFlushed(bytes, offset);
  } finally {
    await file.close();
  }
}

async function begin(disk: Disk, names: readonly string[]): Promise<Manifest> {
  // Both manifests were on disk before the first segment: without one, an earlier beginning was interrupted.
  if (names.some((name) => segmentNumber(name) !== null)) {
    throw new OperationalError('store.damaged', 'neither manifest-1 nor manifest-2 can be read: restore the directory from a backup');
  }
  return Manifest.create(disk, randomBytes(4).readUInt32LE(0));
}

/** Files that were being dropped or prepared when the process ended. */
async function removeLeftovers(disk: Disk, names: readonly string[], { first, last }: ManifestState): Promise<void> {
  for (const name of names) {
    const number = segmentNumber(name);
    if (name === CHECKPOINT_UNDER_WAY || (number !== null && (number < first || number > last))) await disk.remove(name);
  }
}

interface Replayed {
  readonly recovery: Recovery;
  readonly segments: Segment[];
  readonly checkpoint: Checkpoint | null;
}

/** Null when there is no checkpoint, or when not everything is as it says. */
async function replayFromCheckpoint(disk: Disk, manifest: ManifestState): Promise<Replayed | null> {
  const checkpoint = await readCheckpoint(disk, manifest.secret);
  const known = checkpoint === null ? null : await findSegments(disk, manifest, checkpoint.state);
  if (known === null) return null;
  const replayed = await replay(disk, manifest, checkpoint, known);
  const { recovery, segments } = replayed;
  return recovery.losses.length === 0 && recovery.index.isWithin(segments) ? replayed : null;
}

/** Replays all segments; of those that are known already only the last, from where the checkpoint ends. */
async function replay(disk: Disk, manifest: ManifestState, checkpoint: Checkpoint | null, known: readonly Segment[]): Promise<Replayed> {
  const { last, secret } = manifest;
  const range = rangeBehind(manifest, checkpoint);
  const recovery = new Recovery(range, (segment) => hasFramesBehind(disk, segment, manifest), checkpoint?.index);
  const segments = known.slice(0, -1);
  const resumed = known.at(-1);
  for await (const { number, bytes } of readSegments(disk, resumed?.number ?? manifest.first, last)) {
    if (bytes === null) recovery.losses.push({ place: `${segmentName(number)} is missing`, changes: 0 });
    const segment = number === resumed?.number ? resumed : beginningAt(number, bytes, recovery);
    if (bytes !== null) {
      segment.used = await recovery.replay(new SegmentBytes(secret, number, bytes, 0), segment.name, segment.used);
      if (recovery.lastFrameAt !== -1) segment.lastFrameAt = recovery.lastFrameAt;
    }
    segments.push(segment);
  }
  recovery.finish(range);
  return { recovery, segments, checkpoint };
}

function beginningAt(number: number, bytes: Buffer | null, { sequence, changes }: Recovery): Segment {
  const segment = new Segment(number, bytes?.length ?? 0, null);
  segment.sequenceBefore = sequence;
  segment.changesBefore = changes;
  return segment;
}

function rangeBehind(manifest: ManifestState, checkpoint: Checkpoint | null): ReplayRange {
  if (checkpoint === null) return manifest;
  const { sequence, changes, flushedSequence, flushedChanges } = checkpoint.state;
  const flushed = flushedSequence > manifest.sequence ? { sequence: flushedSequence, changes: flushedChanges } : manifest;
  return { sequenceBefore: sequence, changesBefore: changes, sequence: flushed.sequence, changes: flushed.changes };
}

async function hasFramesBehind(disk: Disk, segment: number, { last, secret }: ManifestState): Promise<boolean> {
  for await (const { number, bytes } of readSegments(disk, segment + 1, last)) {
    if (bytes !== null && new SegmentBytes(secret, number, bytes, 0).findFrame(0, 0) !== -1) return true;
  }
  return false;
}

function lastUsed(segments: readonly Segment[]): Segment | null {
  return segments.findLast((segment) => segment.used > 0) ?? segments[0] ?? null;
}

function damagedBy(recovery: Recovery, directory: string): OperationalError {
  const changes = recovery.losses.reduce((sum, loss) => sum + loss.changes, 0);
  const places = recovery.losses.slice(0, 3).map(({ place }) => place);
  if (recovery.losses.length > places.length) places.push(`${recovery.losses.length - places.length} more places`);
  return new OperationalError(
    'store.damaged',
    `${changes} changes cannot be read (${places.join('; ')}). Restore the directory from a backup, ` +
      `or create the empty file ${directory}/${ACCEPT_DAMAGE} and start again to go on without them`,
  );
}

/** The operator has accepted the loss: what is left is written again, so that the damage is gone at the next opening. */
async function goOnWithout(
  recovery: Recovery,
  store: JournalStore,
  last: number,
  { disk, log, directory }: OpenJournalOptions,
): Promise<void> {
  for (const { place, changes } of recovery.losses) {
    log.error({ directory, place, changes }, 'changes of the store are lost, as the operator has accepted');
    store.countLost(changes);
  }
  if (!(await store.evacuate(last))) {
    log.warn({ directory }, 'there was no room to write the rest of the store again: that is tried at the next start');
    return;
  }
  await disk.remove(ACCEPT_DAMAGE);
  await disk.flushDirectory();
}

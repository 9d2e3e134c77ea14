import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock, type Clock } from '#base/clock.ts';
import { OperationalError } from '#base/errors.ts';
import { silentLogger } from '#base/logger.ts';
import type { CheckpointPace } from './journal/checkpointer.ts';
import type { JournalStore } from './journal/journal-store.ts';
import { ACCEPT_DAMAGE, openJournal } from './journal/open-journal.ts';
import { randomFrom, SimulatedDisk, type Random } from './journal/simulated-disk.ts';
import { Batch, tables, type Store } from './store.ts';

const KIB = 1024;
const PAGE = 4 * KIB;
const variants = 800;
/** With checkpoints all the time, and with none. */
const paces = { eager: { changes: 20, bytes: Infinity }, never: { changes: Infinity, bytes: Infinity } };

/** A store, what it holds, what each key ever held, and the same files some commits earlier. */
interface Original {
  readonly disk: SimulatedDisk;
  readonly older: SimulatedDisk;
  readonly contents: ReadonlyMap<string, string>;
  readonly everHeld: ReadonlyMap<string, ReadonlySet<string>>;
}

const damages: readonly ((disk: SimulatedDisk, original: Original, random: Random) => string)[] = [
  (disk, _, random) => change(disk, random, 'flip', (bytes, at) => (bytes[at] ^= 1 << Math.floor(random() * 8))),
  (disk, _, random) => change(disk, random, 'zero 512', (bytes, at) => bytes.subarray(at & -512, (at & -512) + 512).fill(0)),
  (disk, _, random) => change(disk, random, 'zero 4096', (bytes, at) => bytes.subarray(at & -PAGE, (at & -PAGE) + PAGE).fill(0)),
  (disk, _, random) =>
    change(disk, random, 'noise', (bytes, at) => {
      for (let i = at & -PAGE; i < Math.min((at & -PAGE) + PAGE, bytes.length); i += 1) bytes[i] = Math.floor(random() * 256);
    }),
  (disk, _, random) =>
    change(disk, random, 'swap', (bytes, at) => {
      const other = Math.floor((random() * usedBytes(bytes)) / PAGE) * PAGE;
      const page = Buffer.from(bytes.subarray(at & -PAGE, (at & -PAGE) + PAGE));
      bytes.copy(bytes, at & -PAGE, other, other + page.length);
      page.copy(bytes, other);
    }),
  (disk, _, random) =>
    change(disk, random, 'repeat', (bytes, at) => {
      bytes.copy(bytes, at & -PAGE, Math.max((at & -PAGE) - PAGE, 0), at & -PAGE);
    }),
  (disk, _, random) => {
    const name = pick(disk.files, random);
    const bytes = Buffer.from(disk.contentOf(name));
    const length = Math.floor(random() * bytes.length);
    disk.replace(name, bytes.subarray(0, length));
    return `${name} truncated to ${length}`;
  },
  (disk, _, random) => {
    const name = pick(disk.files, random);
    disk.lose(name);
    return `${name} missing`;
  },
  (disk, { older }, random) => {
    const name = pick(
      older.files.filter((file) => disk.files.includes(file)),
      random,
    );
    disk.replace(name, older.contentOf(name));
    return `${name} from an older copy`;
  },
  (disk, _, random) => {
    const segments = disk.files.filter((file) => file.startsWith('journal'));
    const [one, other] = [pick(segments, random), pick(segments, random)];
    const bytes = Buffer.from(disk.contentOf(one));
    disk.replace(one, disk.contentOf(other));
    disk.replace(other, bytes);
    return `${one} and ${other} exchanged`;
  },
];

test('damage never garbles a value, is never silent, and never more than refuses the start', async () => {
  const originals = await Promise.all([
    makeOriginal(1, false, paces.never),
    makeOriginal(2, true, paces.never),
    makeOriginal(3, false, paces.eager),
    makeOriginal(4, true, paces.eager),
  ]);
  const outcomes = { intact: 0, quarantined: 0, refused: 0 };
  for (let variant = 0; variant < variants; variant += 1) {
    const original = originals[variant % originals.length];
    const random = randomFrom(variant);
    const disk = original.disk.afterKill();
    const what = `variant ${variant}: ${damages[Math.floor(variant / originals.length) % damages.length](disk, original, random)}`;
    const outcome = await openDamaged(disk, original, what);
    outcomes[outcome] += 1;
  }
  assert.ok(outcomes.intact > 20 && outcomes.quarantined > 20 && outcomes.refused > 20, JSON.stringify(outcomes));
});

test('a record that goes bad while the store is open is quarantined when it is read, once, and reads as absent', async () => {
  const { disk, contents } = await makeOriginal(5, false);
  const errors: string[] = [];
  const log = { ...silentLogger, error: (_: object, message: string) => void errors.push(message) };
  const store = await open(disk, log);
  const [name] = [...contents].find(([, text]) => Number(text.split(':')[0]) > 2000) as [string, string];
  const [table, key] = name.split('/') as ['meta', string];
  const value = (await store.get(table, Buffer.from(key))) as Buffer;
  for (const file of disk.files) {
    const bytes = disk.contentOf(file);
    for (let at = bytes.indexOf(value); at !== -1; at = bytes.indexOf(value, at + 1)) bytes[at + 1000] ^= 1;
  }
  assert.equal(await store.get(table, Buffer.from(key)), null);
  assert.equal(await store.get(table, Buffer.from(key)), null);
  assert.deepEqual([store.statistics().recordsQuarantined, errors.length], [1, 1]);
  // The bytes are put aside by a commit of their own.
  await store.commit(put('meta', 'later', 'x'));
  const kept = await store.get('quarantine', Buffer.from(`${table}/${key}`));
  assert.ok(kept !== null && kept.length >= value.length);
  const found = await contentsOf(store);
  assert.equal(found.get(name), undefined);
  assert.equal(found.size, contents.size);
  await store.commit(put(table, key, 'mended'));
  await store.close();
  const again = await open(disk);
  assert.equal((await again.get(table, Buffer.from(key)))?.toString(), 'mended');
  assert.equal(again.statistics().recordsQuarantined, 1);
  await again.close();
});

test('a store of a newer format is refused', async () => {
  const { disk } = await makeOriginal(3, false);
  for (const name of ['manifest-1', 'manifest-2']) {
    const { crc32 } = await import('node:zlib');
    const json = disk.contentOf(name).toString('latin1').slice(9).trimEnd().replace('"format":1', '"format":2');
    disk.replace(name, Buffer.from(`${crc32(json).toString(16).padStart(8, '0')} ${json}\n`.padEnd(512)));
  }
  await assert.rejects(open(disk), { code: 'store.format', retryable: false });
});

/** Opens a damaged copy; asserts that whatever comes of it is honest. */
async function openDamaged(disk: SimulatedDisk, original: Original, what: string): Promise<'intact' | 'quarantined' | 'refused'> {
  let store: Store;
  try {
    store = await open(disk);
  } catch (error) {
    assert.ok(error instanceof OperationalError && error.code === 'store.damaged', `${what}: ${String(error)}`);
    assert.match(error.message, /^the store in \/data is damaged: [^\n]*restore[^\n]*$/i, what);
    if (error.message.includes(ACCEPT_DAMAGE)) await goOnWithout(disk, original, what);
    return 'refused';
  }
  const found = await contentsOf(store);
  // What was found damaged just now is put aside by a commit of its own, and this one comes after it.
  await store.commit(new Batch());
  let missing = 0;
  for (const [name, text] of original.contents) {
    if (found.get(name) === text) continue;
    assert.equal(found.get(name), undefined, `${what}: ${name} is garbled`);
    assert.notEqual(await store.get('quarantine', Buffer.from(name)), null, `${what}: ${name} is silently lost`);
    missing += 1;
  }
  for (const name of found.keys()) assert.ok(original.contents.has(name), `${what}: ${name} came back`);
  assert.equal(store.statistics().recordsQuarantined, missing, what);
  await assertGoesOn(store, disk, what);
  return missing === 0 ? 'intact' : 'quarantined';
}

/** The operator accepts: what is left opens, holds nothing that was never written, and is sound from then on. */
async function goOnWithout(disk: SimulatedDisk, original: Original, what: string): Promise<void> {
  disk.replace(ACCEPT_DAMAGE, Buffer.alloc(0));
  const store = await open(disk).catch((error: Error) => assert.fail(`${what}: accepted, and yet ${error.message}`));
  assert.ok(store.statistics().recordsQuarantined > 0 || what.includes('missing') || what.includes('truncated'), what);
  for (const [name, text] of await contentsOf(store)) {
    assert.ok(original.everHeld.get(name)?.has(text), `${what}: ${name} is garbled`);
  }
  assert.ok(!disk.files.includes(ACCEPT_DAMAGE));
  await assertGoesOn(store, disk, what);
}

async function assertGoesOn(store: Store, disk: SimulatedDisk, what: string): Promise<void> {
  await store.commit(put('meta', 'goes on', 'yes'));
  const before = await contentsOf(store);
  await store.close();
  const again = await open(disk).catch((error: Error) => assert.fail(`${what}: later ${error.message}`));
  assert.deepEqual(await contentsOf(again), before, what);
  await again.close();
}

async function makeOriginal(seed: number, isKilled: boolean, pace: CheckpointPace = paces.never): Promise<Original> {
  const random = randomFrom(seed);
  // Small, so that the segments are small and there are several.
  const disk = new SimulatedDisk(random, 2 * KIB * KIB);
  const store = await open(disk, silentLogger, promptClock, pace);
  const contents = new Map<string, string>();
  const everHeld = new Map<string, Set<string>>();
  let older = disk;
  for (let i = 0; i < 500; i += 1) {
    if (i === 400) older = disk.afterKill();
    const batch = new Batch();
    for (let j = 0; j < 1 + random() * 6; j += 1) {
      const key = `key ${Math.floor(random() * 80)}`;
      const table = tables[Math.floor(random() * 4)];
      const name = `${table}/${key}`;
      if (random() < 0.25) {
        batch.delete(table, Buffer.from(key));
        contents.delete(name);
      } else {
        const value = valueOf(random);
        batch.put(table, Buffer.from(key), value);
        contents.set(name, textOf(value));
        everHeld.set(name, (everHeld.get(name) ?? new Set()).add(textOf(value)));
      }
    }
    await store.commit(batch);
  }
  // The note of how far the journal goes is written behind the commits.
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  const killed = disk.afterKill();
  await store.close();
  return { disk: isKilled ? killed : disk, older, contents, everHeld };
}

/** A clock whose timers do not make a test wait. */
const promptClock: Clock = {
  ...systemClock,
  after(_, callback) {
    const immediate = setImmediate(callback);
    return () => clearImmediate(immediate);
  },
};

function open(disk: SimulatedDisk, log = silentLogger, clock = systemClock, pace = paces.never): Promise<JournalStore> {
  return openJournal({ disk, directory: '/data', log, clock, bytesMax: Infinity, pace, onClosed: () => Promise.resolve() });
}

/** Changes a copy of a file's bytes, at a random place that is in use. */
function change(disk: SimulatedDisk, random: Random, kind: string, apply: (bytes: Buffer, at: number) => void): string {
  const name = pick(
    disk.files.filter((file) => usedBytes(disk.contentOf(file)) > 0),
    random,
  );
  const bytes = Buffer.from(disk.contentOf(name));
  const at = Math.floor(random() * usedBytes(bytes));
  apply(bytes, at);
  disk.replace(name, bytes);
  return `${kind} in ${name} at ${at}`;
}

function usedBytes(bytes: Buffer): number {
  let used = bytes.length;
  while (used > 0 && bytes[used - 1] === 0) used -= 1;
  return used;
}

function pick<T>(from: readonly T[], random: Random): T {
  return from[Math.floor(random() * from.length)];
}

function valueOf(random: Random): Buffer {
  const value = Buffer.alloc(Math.floor(random() * (random() < 0.1 ? 9000 : 500)));
  for (let i = 0; i < value.length; i += 1) value[i] = Math.floor(random() * 256);
  return value;
}

function put(table: 'meta', key: string, value: string): Batch {
  const batch = new Batch();
  batch.put(table, Buffer.from(key), Buffer.from(value));
  return batch;
}

async function contentsOf(store: Store): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const table of tables.filter((name) => name !== 'quarantine')) {
    for await (const page of store.scan(table)) {
      for (const { key, value } of page) found.set(`${table}/${key.toString()}`, textOf(value));
    }
  }
  return found;
}

function textOf(value: Buffer): string {
  return `${value.length}:${value.toString('base64')}`;
}

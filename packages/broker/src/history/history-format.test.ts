import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createMessage } from '#message/message.ts';
import { BoundedCache } from './bounded-cache.ts';
import { decodeDirectory, encodeDirectory, hasWildcard, type PagePlace, pageOf, prefixOf } from './directory.ts';
import { FrameBuilder } from './frame-builder.ts';
import { sealFrame, soundFrameBytes } from './frame.ts';
import { FrameWalk } from './frame-walk.ts';
import { HistorySlot } from './history-slot.ts';
import { decodeOrdinals, entriesOf, IndexPageWriter, isSoundPage } from './index-page.ts';
import { MemoryDisk } from './memory-disk.ts';
import { readPosition, writePosition } from './position-file.ts';
import type { Shelf } from './shelf.ts';
import { plain } from './test-history.ts';
import { foldSign, unfoldSign, VarintReader, writeVarint } from './varint.ts';

const seed = 20_261_121;
const topic = fc.stringMatching(/^[a-zé€/]{1,30}$/);

describe('numbers', () => {
  it('of seven bits a byte are read as they were written, up to 2^53', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(), fc.maxSafeNat())), (numbers) => {
        const bytes = Buffer.alloc(8 * numbers.length + 8);
        let at = 0;
        for (const number of numbers) at = writeVarint(bytes, at, number);
        const reader = new VarintReader(bytes);
        assert.deepEqual(
          numbers.map(() => reader.next()),
          numbers,
        );
        assert.equal(reader.at, at);
      }),
      { seed },
    );
  });

  it('of either sign are folded and unfolded', () => {
    for (const number of [0, 1, -1, 2 ** 40, -(2 ** 40)]) assert.equal(unfoldSign(foldSign(number)), number);
  });
});

describe('a frame', () => {
  const message = fc.record({
    topic,
    payload: fc.uint8Array({ maxLength: 200 }),
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    retain: fc.boolean(),
    publisher: fc.oneof(fc.constantFrom('a', 'b', 'ü'), fc.string({ maxLength: 60 })),
    properties: fc.constantFrom(undefined, { contentType: 'x' }, { payloadFormatIndicator: 1 as const, messageExpiryInterval: 60 }),
    receivedAtMs: fc.integer({ min: 1.7e12, max: 1.8e12 }),
    step: fc.nat(3),
    missed: fc.nat(2),
  });

  it('gives back every message with its place, and is sound only where it stands', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 60 }), (specs) => {
        const builder = new FrameBuilder();
        builder.begin(Buffer.alloc(64 * 1024), 7);
        const slots = new Map<string, HistorySlot>();
        let offset = 100;
        let missed = 5;
        const expected = specs.map(({ step, missed: more, properties, ...fields }) => {
          const one = createMessage(properties === undefined ? fields : { ...fields, properties });
          const slot = slots.get(one.topic) ?? new HistorySlot(one.topic, null as unknown as Shelf);
          slots.set(one.topic, slot);
          offset += 1 + step;
          missed += more;
          builder.append(one, slot, offset, missed);
          return { ...plain({ offset, message: one }), missed };
        });
        const frame = builder.finish(0);
        sealFrame(frame, seed, 64);
        assert.equal(soundFrameBytes(frame, 0, seed, 64), frame.length);
        assert.deepEqual([soundFrameBytes(frame, 0, seed, 72), soundFrameBytes(frame, 0, seed + 1, 64)], [0, 0]);
        const walk = new FrameWalk(frame, 0);
        const found = [];
        while (walk.next()) found.push({ ...plain({ offset: walk.offset, message: walk.message() }), missed: walk.missed });
        assert.deepEqual(found, expected);
        assert.equal(walk.ordinal, 7 + specs.length - 1);
      }),
      { seed, numRuns: 300 },
    );
  });
});

describe('an index', () => {
  it('gives back topics and ordinals page by page, and finds the page of a topic', () => {
    const entry = fc.tuple(topic, fc.uniqueArray(fc.nat(1_000_000), { minLength: 1, maxLength: 20 }));
    fc.assert(
      fc.property(fc.uniqueArray(entry, { maxLength: 300, selector: ([name]) => name }), (entries) => {
        entries.sort(([a], [b]) => (a < b ? -1 : 1));
        const sorted = entries.map(([name, ordinals]) => ({ topic: name, ordinals: Uint32Array.from(ordinals).sort() }));
        const writer = new IndexPageWriter();
        const pages: Buffer[] = [];
        const places: PagePlace[] = [];
        const take = (): void => {
          pages.push(writer.take(seed));
          places.push({ at: 1000 * pages.length, bytes: pages.at(-1)!.length, firstTopic: writer.firstTopic });
        };
        for (const [index, one] of sorted.entries()) {
          writer.add(one.topic, one.ordinals);
          if (index % 13 === 12) take();
        }
        if (!writer.isEmpty) take();
        assert.ok(pages.every((page) => isSoundPage(page, seed) && !isSoundPage(page, seed + 1)));
        const found = pages.flatMap((page) => [...entriesOf(page)].map((one) => ({ topic: one.topic, ordinals: decodeOrdinals(one) })));
        assert.deepEqual(found, sorted);
        const directory = decodeDirectory(encodeDirectory(places));
        assert.deepEqual(directory, places);
        for (const [index, one] of sorted.entries()) assert.equal(pageOf(directory, one.topic), Math.floor(index / 13));
      }),
      { seed, numRuns: 200 },
    );
  });

  it('knows what the topics of a filter begin with', () => {
    assert.deepEqual(
      ['a/b', 'a/+/c', 'a/b/#', '#', '+/a', 'a/b+'].map((filter) => [prefixOf(filter), hasWildcard(filter)]),
      [
        ['a/b', false],
        ['a/', true],
        ['a/b', true],
        ['', true],
        ['', true],
        ['a/b', true],
      ],
    );
  });
});

describe('what holds files and caches', () => {
  it('keeps what was used last within its bytes', () => {
    const cache = new BoundedCache<number>(100);
    for (let i = 0; i < 5; i += 1) cache.put(`${i}`, i, 20);
    assert.equal(cache.get('0'), 0);
    cache.put('5', 5, 25);
    assert.deepEqual([cache.get('0'), cache.get('1'), cache.get('2'), cache.get('5'), cache.bytes], [0, undefined, undefined, 5, 85]);
    cache.put('large', 1, 26);
    assert.equal(cache.get('large'), undefined);
  });

  it('holds files in memory as a disk does, and is full at its end', async () => {
    const disk = new MemoryDisk(200_000);
    const file = await disk.create('a');
    const bytes = Buffer.alloc(100_000, 7);
    await file.write(bytes, 10);
    const read = Buffer.alloc(200_000);
    assert.equal(await file.read(read, 0), 100_010);
    assert.deepEqual([read[9], read[10], read[100_009], read[100_010]], [0, 7, 7, 0]);
    await assert.rejects(file.write(bytes, 110_000), { code: 'ENOSPC' });
    await file.truncate(20);
    await file.write(Buffer.from('x'), 30);
    assert.deepEqual([await file.bytes(), await file.read(read, 0), read[19], read[20], read[30]], [31, 31, 7, 0, 120]);
    await disk.rename('a', 'b');
    assert.deepEqual(await disk.list(), ['b']);
    await assert.rejects(disk.open('a'), { code: 'ENOENT' });
    await disk.remove('b');
    assert.equal(await disk.bytesFree(), 200_000);
  });

  it('remembers where the history stands, or nothing when that is damaged', async () => {
    const disk = new MemoryDisk(1e6);
    assert.equal(await readPosition(disk), null);
    const position = { nextOffset: 2 ** 40, missed: 3, logOffset: 9, isClosed: true, plan: { enabled: true, exclude: ['a/#'], rules: {} } };
    await writePosition(disk, position);
    assert.deepEqual(await readPosition(disk), position);
    await (await disk.open('position')).write(Buffer.from([1]), 20);
    assert.equal(await readPosition(disk), null);
  });
});

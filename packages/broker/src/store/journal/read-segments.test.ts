import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Disk, DiskFile } from './disk.ts';
import { readSegments } from './read-segments.ts';
import { segmentNumber } from './segments.ts';

/** Files of the given sizes, each filled with its number, on a device that notes what is asked of it. */
class NotingDisk {
  readonly notes: string[] = [];
  readonly #sizes: readonly (number | null)[];
  /** Offsets below which file 2 cannot be read. */
  readonly #badBytes: number;
  readonly #code: string;

  constructor(sizes: readonly (number | null)[], bad: { readonly bytes: number; readonly code: string } = { bytes: 0, code: '' }) {
    this.#sizes = sizes;
    this.#badBytes = bad.bytes;
    this.#code = bad.code;
  }

  get disk(): Disk {
    return this as unknown as Disk;
  }

  async open(name: string): Promise<DiskFile> {
    const number = segmentNumber(name)!;
    const size = this.#sizes[number - 1] ?? null;
    if (size === null) throw Object.assign(new Error(name), { code: 'ENOENT' });
    const read = async (into: Buffer, offset: number): Promise<number> => {
      this.notes.push(`read ${number}`);
      if (number === 2 && offset < this.#badBytes) throw Object.assign(new Error('bad'), { code: this.#code });
      into.fill(number);
      return into.length;
    };
    const close = async (): Promise<void> => void this.notes.push(`close ${number}`);
    return { bytes: async () => size, read, close } as unknown as DiskFile;
  }
}

describe('segments are read', () => {
  test('in order, each with bytes of its own that stay while the next is being read', async () => {
    const sizes = [100, 5000, 300, 300, 9000, 10];
    const noting = new NotingDisk(sizes);
    const seen: number[] = [];
    for await (const { number, bytes } of readSegments(noting.disk, 1, sizes.length)) {
      seen.push(number);
      assert.equal(bytes?.length, sizes[number - 1]);
      if (number < sizes.length) assert.equal(noting.notes.at(-1), `read ${number + 1}`, 'the next one is under way');
      assert.ok(bytes.every((byte) => byte === number));
    }
    assert.deepEqual(seen, [1, 2, 3, 4, 5, 6]);
  });

  test('in the memory of those before', async () => {
    const memory = new Set<ArrayBufferLike>();
    for await (const { bytes } of readSegments(new NotingDisk([100, 100, 90, 100, 100]).disk, 1, 5)) memory.add(bytes!.buffer);
    assert.equal(memory.size, 2);
  });

  test('without those that are missing', async () => {
    const found: (number | undefined)[] = [];
    for await (const { bytes } of readSegments(new NotingDisk([null, 10, null, 20]).disk, 1, 4)) found.push(bytes?.length);
    assert.deepEqual(found, [undefined, 10, undefined, 20]);
  });

  test('with zeros for the blocks that the device cannot read, whatever was in that memory before', async () => {
    const noting = new NotingDisk([9000, 9000, 9000], { bytes: 4096, code: 'EIO' });
    const second: number[] = [];
    for await (const { number, bytes } of readSegments(noting.disk, 1, 3))
      if (number === 2) second.push(bytes![0], bytes![4095], bytes![4096]);
    assert.deepEqual(second, [0, 0, 2]);
  });

  test('up to one that fails, which is told in its turn, and no file stays open', async () => {
    const noting = new NotingDisk([10, 10, 10], { bytes: 1, code: 'EACCES' });
    const seen: number[] = [];
    await assert.rejects(
      async () => {
        for await (const { number } of readSegments(noting.disk, 1, 3)) seen.push(number);
      },
      { code: 'EACCES' },
    );
    assert.deepEqual(seen, [1]);
    assert.deepEqual(noting.notes, ['read 1', 'close 1', 'read 2', 'close 2']);
  });

  test('only as far as somebody wants, and no file stays open', async () => {
    const noting = new NotingDisk([10, 10, 10]);
    for await (const { number } of readSegments(noting.disk, 1, 3)) if (number === 1) break;
    assert.deepEqual(noting.notes, ['read 1', 'close 1', 'read 2', 'close 2']);
  });
});

import assert from 'node:assert/strict';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDirectory } from '@wrenmq/testkit';
import { Output } from './output.ts';

test('what is put, small or large, text or bytes, is written in order', async () => {
  await using directory = await tempDirectory();
  const file = join(directory.path, 'output');
  await using handle = await open(file, 'w');
  const output = new Output(handle.fd);
  const expected: Buffer[] = [];
  for (let i = 0; i < 5000; i += 1) {
    const part = i % 500 === 0 ? Buffer.alloc(100_000, i) : i % 2 === 0 ? `line ${i} ü€\n` : Buffer.from([i, 0, 255]);
    expected.push(Buffer.from(part as string));
    output.put(part);
    const room = output.room();
    if (room !== undefined) await room;
  }
  await output.flush();
  assert.ok((await readFile(file)).equals(Buffer.concat(expected)));
});

test('bytes that were put may be used again at once', async () => {
  await using directory = await tempDirectory();
  const file = join(directory.path, 'output');
  await using handle = await open(file, 'w');
  const output = new Output(handle.fd);
  const bytes = Buffer.alloc(100_000, 'a');
  output.put(bytes);
  bytes.fill('b');
  await output.flush();
  assert.equal((await readFile(file, 'utf8'))[0], 'a');
});

test('a place that cannot be written to closes the output with the reason, and nothing waits for ever', async () => {
  await using directory = await tempDirectory();
  const file = join(directory.path, 'output');
  await (await open(file, 'w')).close();
  await using handle = await open(file, 'r');
  const output = new Output(handle.fd);
  output.put('x');
  await assert.rejects(output.closed, { code: 'EBADF' });
  assert.equal(output.isClosed, true);
  output.put('y'.repeat(3_000_000));
  assert.equal(output.room(), undefined);
  await assert.rejects(output.flush(), { code: 'EBADF' });
});

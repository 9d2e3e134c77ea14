import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { tempDirectory } from '@wrenmq/testkit';
import type { Printable } from '#output/printable.ts';
import { DumpFiles } from './dump-files.ts';
import { RateMeter } from './rate-meter.ts';
import { TopicBoard } from './topic-board.ts';

function message(topic: string, payload: string): Printable {
  return { topic, payload: Buffer.from(payload), qos: 0, retain: false, dup: false, packetId: 0, userProperties: [] };
}

test('the board has the last message of each topic, by name, and nothing that moves a cursor', () => {
  const board = new TopicBoard();
  board.note(message('b', 'old'));
  board.note(message('a\u202e', '1\x1b[2J\n'));
  board.note(message('b', 'new'));
  assert.deepEqual(board.lines(24, 80), ['3 messages, 2 topics', 'a·          1  1·[2J·', 'b           2  new']);
  assert.deepEqual(board.lines(2, 12), ['3 messages, ', 'b           ']);
  assert.match(board.lines(2, 80)[0], /1 of them not shown/);
});

test('the board forgets topics that were silent for longest', () => {
  const board = new TopicBoard();
  for (let i = 0; i <= 10_000; i += 1) board.note(message(`t/${i}`, ''));
  const lines = board.lines(Infinity, Infinity);
  assert.equal(lines.length, 10_001);
  assert.ok(!lines.some((line) => line.startsWith('t/0 ')));
});

test('the meter tells what came in the time since the last line', () => {
  const meter = new RateMeter(true);
  for (let i = 0; i < 30; i += 1) meter.note(message('a', '1234'));
  const at = new Date(0);
  assert.deepEqual(JSON.parse(meter.line(1500, at)), { ts: at.toISOString(), messagesPerSecond: 20, payloadBytesPerSecond: 80 });
  assert.deepEqual(JSON.parse(meter.line(1500, at)), { ts: at.toISOString(), messagesPerSecond: 0, payloadBytesPerSecond: 0 });
});

const NAMES: readonly (readonly [topic: string, name: RegExp])[] = [
  ['a/b', /^20261121T100000\.000Z-000001-a_b$/],
  ['../../etc/passwd', /^[\dTZ.]+-000001-__\.\._etc_passwd$/],
  ['.bashrc', /-000001-_bashrc$/],
  ['-rf $(x) `y` "z" \\', /-000001-_rf_x_y_z_$/],
  ['日本/ü\u202e', /-000001-[\w.=+-]+$/],
  ['x'.repeat(60_000), /-000001-x{120}$/],
];

for (const [topic, name] of NAMES)
  test(`the file for ${JSON.stringify(topic.slice(0, 30))} is in its directory, with a name that is safe`, async () => {
    await using directory = await tempDirectory();
    const dump = new DumpFiles(join(directory.path, 'new', 'dump'), new Date('2026-11-21T10:00:00Z'));
    const file = dump.write(message(topic, 'payload'));
    assert.equal(dirname(file), join(directory.path, 'new', 'dump'));
    assert.match(basename(file), name);
    assert.equal(await readFile(file, 'utf8'), 'payload');
  });

test('a dump overwrites nothing', async () => {
  await using directory = await tempDirectory();
  const startedAt = new Date('2026-11-21T10:00:00Z');
  await writeFile(new DumpFiles(directory.path, startedAt).write(message('a', 'first')), 'kept');
  assert.throws(() => new DumpFiles(directory.path, startedAt).write(message('a', 'second')), { code: 'EEXIST' });
  const [file] = await readdir(directory.path);
  assert.equal(await readFile(join(directory.path, file), 'utf8'), 'kept');
});

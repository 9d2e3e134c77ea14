import assert from 'node:assert/strict';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { crash, describeFailure } from './crash.ts';
import { LoopDisk, whyNoLoopDisk } from './loop-disk.ts';

const seed = Number(process.env['CRASH_SEED'] ?? 20_260);
const skip = (await whyNoLoopDisk()) ?? false;

test('the disk whose power is cut keeps what was flushed and loses what was not', { skip }, async () => {
  const disk = await LoopDisk.create();
  try {
    const flushed = await open(join(disk.directory, 'flushed'), 'w');
    await flushed.writeFile('kept');
    await flushed.sync();
    await flushed.close();
    await writeFile(join(disk.directory, 'written'), 'lost');
    await disk.cut();
    await disk.restore();
    assert.equal(await readFile(join(disk.directory, 'flushed'), 'utf8'), 'kept');
    await assert.rejects(readFile(join(disk.directory, 'written'), 'utf8'), { code: 'ENOENT' });
  } finally {
    await disk.close();
  }
});

test('a broker whose power is cut under load keeps every promise it has made', { timeout: 240_000, skip }, async (context) => {
  const report = await crash({ rounds: 6, seed, powerCuts: true });
  context.diagnostic(`seed ${seed}: ${report.kills} cuts, ${report.acknowledged} acknowledged`);
  assert.ok(report.kills >= 5 && report.acknowledged > 300, `${report.kills} cuts, ${report.acknowledged} acknowledged`);
  assert.equal(report.problems.total, 0, describeFailure(report));
});

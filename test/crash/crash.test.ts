import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { hasMosquitto } from './broker-process.ts';
import { crash, describeFailure } from './crash.ts';

const seed = Number(process.env['CRASH_SEED'] ?? 20_260);

test('a broker that is killed 50 times under load keeps every promise it has made', { timeout: 400_000 }, async (context) => {
  const report = await crash({ rounds: 50, seed });
  context.diagnostic(`seed ${seed}: ${report.acknowledged} acknowledged, longest start ${Math.round(report.startMsMax)} ms`);
  assert.ok(report.kills >= 45 && report.acknowledged > 2000, `${report.kills} kills, ${report.acknowledged} acknowledged`);
  assert.equal(report.problems.total, 0, describeFailure(report));
});

test('a run without a fault has no problems', { timeout: 120_000 }, async () => {
  const report = await crash({ rounds: 6, seed, kills: false });
  assert.equal(report.kills, 0);
  assert.ok(report.acknowledged > 300, `${report.acknowledged} acknowledged`);
  assert.equal(report.problems.total, 0, describeFailure(report));
});

const skip = hasMosquitto ? false : 'mosquitto is not installed';
test('mosquitto, which must lose: the harness sees what is lost', { timeout: 120_000, skip }, async () => {
  const report = await crash({ rounds: 6, seed, target: 'mosquitto', drainMs: 1000 });
  await rm(report.directory, { recursive: true, force: true });
  assert.ok(report.problems.of('lost') > 0, describeFailure(report));
});

import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { seededRandom } from '@wrenmq/testkit';
import { BrokerProcess } from './broker-process.ts';
import { damages, judge, makeOriginal, type Original } from './corruption.ts';

const VARIANTS = 120;
const seed = Number(process.env['CRASH_SEED'] ?? 20_260);

test(
  'damaged files never garble a message, never lose one silently, and never do more than refuse the start',
  { timeout: 240_000 },
  async (context) => {
    const originals = [await makeOriginal(seed, 'SIGTERM'), await makeOriginal(seed + 1, 'SIGKILL')];
    const outcomes = { intact: 0, named: 0, refused: 0 };
    try {
      for (const original of originals)
        assert.deepEqual(await judgeCopy(original, async () => 'undamaged'), { kind: 'intact', what: 'undamaged' });
      for (let variant = 0; variant < VARIANTS; variant += 1) {
        const original = originals[variant % originals.length];
        const damage = damages[Math.floor(variant / originals.length) % damages.length];
        const random = seededRandom(seed + variant);
        const { kind } = await judgeCopy(original, (directory) => damage(directory, original, random), `seed ${seed}, variant ${variant}`);
        outcomes[kind] += 1;
      }
    } finally {
      for (const original of originals) await original.close();
    }
    context.diagnostic(JSON.stringify(outcomes));
    assert.ok(outcomes.intact > 10 && outcomes.named > 10 && outcomes.refused > 5, JSON.stringify(outcomes));
  },
);

test('a broker that refuses damaged data says so in one line and ends, again and again', { timeout: 60_000 }, async () => {
  const original = await makeOriginal(seed, 'SIGKILL');
  try {
    await rm(join(original.directory, 'journal-00000001'));
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      const broker = await BrokerProcess.start({ target: 'wrenmq', directory: join(original.directory, '..') });
      const result = await broker.whenReady;
      assert.ok(result !== 'ready' && result.code !== 0 && result.signal === null, broker.output);
      const lines = broker.output.split('\n').filter((line) => line.includes('is damaged'));
      assert.equal(lines.length, 1, broker.output);
      assert.doesNotMatch(broker.output, /\n\s+at /, 'no stack trace for the operator');
    }
  } finally {
    await original.close();
  }
});

/** Damages a copy of the data and judges a start on it. */
async function judgeCopy(
  original: Original,
  damage: (directory: string) => Promise<string>,
  name = '',
): Promise<{ kind: 'intact' | 'named' | 'refused'; what: string }> {
  const root = await mkdtemp(join(tmpdir(), 'wrenmq-damaged-'));
  try {
    const directory = join(root, 'data');
    await cp(original.directory, directory, { recursive: true });
    const what = await damage(directory);
    const { kind, faults } = await judge(directory, original);
    assert.deepEqual(faults, [], `${name}: ${what}`);
    return { kind, what };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

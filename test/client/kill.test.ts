/** A publisher that is killed at any moment loses nothing that `enqueue` has taken, and doubles nothing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launchBroker, nodeBinary, seededRandom, tempDirectory } from '@wrenmq/testkit';
import { needs } from '#root/test/interop/interop.ts';
import { judge, startWitness } from './witness.ts';

const rounds = Number(process.env['CLIENT_KILL_ROUNDS'] ?? 25);
const seed = Number(process.env['CLIENT_KILL_SEED'] ?? 1);
const MESSAGES_MAX = 4_000;
const ROUND_MS_MAX = 30_000;

/** Runs a publisher and gives its lines; it is killed when it has written so many. */
async function runPublisher(url: string, directory: string, round: number, linesMax: number): Promise<string[]> {
  const count = linesMax === Infinity ? 0 : MESSAGES_MAX;
  const script = fileURLToPath(import.meta.resolve('./kill-publisher.ts'));
  const child = spawn(nodeBinary, ['--conditions=@wrenmq/source', script, url, directory, `${round}`, `${count}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: ROUND_MS_MAX,
    killSignal: 'SIGKILL',
  });
  const lines: string[] = [];
  // What it wrote before its end is in the pipe, also what comes after the decision to kill it.
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === linesMax || line === 'idle') child.kill('SIGKILL');
  }
  return lines;
}

test(
  `what enqueue has taken arrives exactly once, however often its process is killed (${rounds} times, seed ${seed})`,
  {
    timeout: 60_000 + rounds * ROUND_MS_MAX,
    ...needs('/usr/bin/mosquitto_sub', 'mosquitto-clients'),
  },
  async (t) => {
    const random = seededRandom(seed);
    await using directory = await tempDirectory();
    await using broker = await launchBroker();
    const { host, port } = broker.target();
    const url = `mqtt://${host}:${port}`;
    const witness = await startWitness(t, { host, port }, 'kill/#');
    const enqueued = new Set<string>();
    let resumed = 0;
    for (let round = 0; round < rounds; round += 1) {
      // From the first line on, more often early: when what the last process left is sent again.
      const linesMax = Math.ceil(Math.exp(random() * Math.log(2 * MESSAGES_MAX)));
      const lines = await runPublisher(url, directory.path, round, linesMax);
      const troubles = lines.filter((line) => /^(stopped|error|sessionlost)/.test(line));
      assert.deepEqual(troubles, [], `round ${round}`);
      if (lines.includes('online true')) resumed += 1;
      for (const line of lines) if (line.startsWith('enqueued ')) enqueued.add(line.slice(9));
    }
    const last = await runPublisher(url, directory.path, rounds, Infinity);
    assert.equal(last.at(-1), 'drained', last.join('\n'));
    assert.deepEqual(judge(enqueued, await witness.payloads()), { lost: [], doubled: [] }, `seed ${seed}`);
    assert.ok(enqueued.size > rounds * 10, `only ${enqueued.size} messages`);
    assert.ok(resumed > rounds / 4, `the session was resumed in ${resumed} rounds`);
  },
);

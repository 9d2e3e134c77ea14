import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { inflateSync } from 'node:zlib';
import { HdrCounts } from '#root/packages/wrenmq/src/bench/hdr-counts.ts';
import { freePort, hasMosquitto, launchBroker, launchMosquitto, repository, tempDirectory, WireClient } from '@wrenmq/testkit';
import { type Result, runBench, whole } from './run-bench.ts';
import { wrenmq } from './run-wrenmq.ts';

// Loads from several threads, storms, what the broker tells of itself, and histograms in files.

const MODES = [
  ['--rate', '3000'],
  ['--rate', '0', '--window', '5'],
] as const;

const SCENARIOS: readonly (readonly [args: readonly string[], received: number, connected: number])[] = [
  [['pubsub', '-q', '2'], 300, 14],
  [['fanout'], 2100, 8],
  [['fanout', '-q', '1', '--share', 'g'], 300, 8],
  [['fanin', '-q', '1', '--durable'], 300, 8],
  [['rr', '-q', '1'], 300, 8],
  [['pub', '-q', '1'], 0, 7],
];

test('three workers send and receive together what one would', async () => {
  await using broker = await launchBroker();
  for (const [args, received, connected] of SCENARIOS)
    for (const mode of MODES) {
      const [scenario, ...flags] = args;
      const result = await runBench(broker.target().port, scenario, '-n', '7', '--workers', '3', '--count', '300', ...flags, ...mode);
      const { heldBack, acknowledged, ...counts } = result.counts;
      const what = [...args, ...mode].join(' ');
      assert.deepEqual(counts, { ...whole, connected, sent: 300, received, expected: received }, `${what}: ${heldBack} held back`);
      assert.equal(acknowledged, args.includes('-q') ? 300 : 0, what);
      assert.deepEqual([result.generator.workers.length, result.latency?.count ?? 0], [3, received], what);
    }
});

test('workers receive what other processes send, over TLS and with a password', async () => {
  await using directory = await tempDirectory();
  const [users, secret] = ['users', 'secret'].map((name) => join(directory.path, name));
  const made = await wrenmq('passwd', '-c', '-b', users, 'wren', 'pass');
  assert.equal(made.status, 0, made.stderr);
  await writeFile(secret, 'pass\n');
  await using broker = await launchBroker({ settings: { 'authentication.passwordFile': users, 'authentication.anonymous': 'never' } });
  const credentials = ['-u', 'wren', '--password-file', secret];
  const subscribing = runBench(broker.target().port, 'sub', '-n', '4', '--workers', '2', '--count', '400', ...credentials);
  const sending = ['--workers', '2', '-n', '2', '--rate', '500', '--duration', '3', '-q', '1', '--cafile', broker.certificateAuthority];
  const [received, sent] = await Promise.all([subscribing, runBench(broker.target('tls').port, 'pub', ...sending, ...credentials)]);
  assert.ok(received.counts['received'] >= 400, JSON.stringify(received.counts));
  assert.deepEqual([sent.counts['acknowledged'], sent.counts['missed']], [sent.counts['sent'], 0]);
});

test('Ctrl-C ends all workers with what they have measured, and a wrong topic ends them all with its message', async () => {
  await using broker = await launchBroker();
  const address = ['-h', '127.0.0.1', '-p', String(broker.target().port)];
  const main = join(repository, 'packages', 'wrenmq', 'src', 'main.ts');
  const args = ['bench', 'pubsub', ...address, '-n', '3', '--workers', '3', '--rate', '500', '--duration', '60', '--json'];
  const watcher = await WireClient.open(broker.target(), 5);
  await watcher.connect();
  await watcher.subscribe('wrenmq-bench/#');
  const running = spawn(process.execPath, ['--conditions=@wrenmq/source', main, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  const closed = once(running, 'close');
  const output = text(running.stdout);
  await watcher.receive();
  running.kill('SIGINT');
  await closed;
  await watcher.cut();
  assert.equal(running.exitCode, 130);
  assert.ok((JSON.parse(await output) as Result).counts['sent'] > 0);
  const wrong = await wrenmq('bench', 'pubsub', ...address, '--workers', '2', '-t', 'a/+');
  assert.deepEqual([wrong.status, /wildcards/.test(wrong.stderr)], [1, true], wrong.stderr);
});

test('workers with mosquitto and its windows', { skip: !hasMosquitto }, async () => {
  await using mosquitto = await launchMosquitto();
  const args = ['-n', '4', '--workers', '2', '-q', '2', '--count', '200', '--rate', '2000', '--drain', '10'];
  const { counts } = await runBench(mosquitto.target.port, 'pubsub', ...args);
  assert.deepEqual([counts['received'], counts['acknowledged'], counts['lost']], [200, 200, 0]);
});

test('after a storm everybody is back, with the session where there was one', async () => {
  await using broker = await launchBroker();
  const { port } = broker.target();
  for (const [version, durable, workers] of [
    ['5', true, '1'],
    ['5', false, '2'],
    ['311', true, '2'],
  ] as const) {
    const args = ['-n', '60', '--rate', '0', '-V', version, '--workers', workers, '--reconnect-storm', ...(durable ? ['--durable'] : [])];
    const { storm, counts } = await runBench(port, 'conn', ...args, '--fail-if', 'unserved>0', '--fail-if', 'all-served>60s');
    assert.deepEqual(
      [counts, storm?.clients, storm?.served, storm?.sessionsResumed, storm?.latency.count],
      [{ connected: 60, failed: 0, unserved: 0 }, 60, 60, durable ? 60 : 0, 60],
    );
  }
  const told = await wrenmq('bench', 'conn', '-h', '127.0.0.1', '-p', String(port), '-n', '5', '--reconnect-storm');
  assert.match(told.stdout, /^storm: all 5 served again after [\d.]+ ms {2}failed attempts 0 {2}sessions resumed 0$/m);
  assert.match(told.stdout, /^ {2}from the cut to CONNACK +p50 [\d.]+ ms/m);
  const plain = await runBench(port, 'conn', '-n', '3');
  assert.equal(plain.storm, null);
  if (!hasMosquitto) return;
  await using mosquitto = await launchMosquitto();
  const { storm } = await runBench(mosquitto.target.port, 'conn', '-n', '30', '--durable', '--reconnect-storm', '--window', '7');
  assert.deepEqual([storm?.served, storm?.sessionsResumed], [30, 30]);
});

test('--broker-metrics tells what the broker counted between the beginning and the end, and what it used', async () => {
  await using broker = await launchBroker();
  const { port } = broker.target();
  const { address, port: adminPort } = broker.admin!;
  const asked = ['--broker-metrics', `http://${address}:${adminPort}`];
  const { broker: use } = await runBench(port, 'fanout', '-n', '5', '--count', '200', '--rate', '2000', '--workers', '2', ...asked);
  assert.deepEqual([use?.['messagesReceived'], use?.['messagesSent'], use?.dropped], [200, 1000, {}]);
  assert.ok(use!['cpuSeconds']! > 0 && use!['messagesPerCpuSecond']! > 0 && use!['residentBytesAfter']! > 1e6, JSON.stringify(use));
  const told = await wrenmq('bench', 'pub', '-h', '127.0.0.1', '-p', String(port), '-n', '2', '--count', '50', ...asked);
  assert.match(
    told.stdout,
    /^broker: CPU [\d.]+ s {2}messages in 50, out 0, per CPU-second [\d,]+\n {2}dropped 0 {2}memory \d+ MiB, then \d+ MiB$/m,
  );
  for (const [url, status] of [
    [`http://127.0.0.1:${await freePort()}`, 3],
    [`http://${address}:${adminPort}/nothing`, 3],
    ['mqtt://127.0.0.1', 2],
  ] as const)
    for (const workers of ['1', '2']) {
      const args = ['-h', '127.0.0.1', '-p', String(port), '--workers', workers, '--broker-metrics', url];
      const failed = await wrenmq('bench', 'pubsub', ...args);
      assert.deepEqual([failed.status, failed.stdout], [status, ''], failed.stderr);
      assert.match(failed.stderr, /^wrenmq: --broker-metrics \S+: .+\n$/);
    }
});

/** The intervals of a histogram log: tag, start and length in seconds, and the counts. */
function readLog(log: string): readonly { tag: string | undefined; start: number; length: number; counts: HdrCounts }[] {
  const lines = log.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('"'));
  return lines.map((line) => {
    const [tag, start, length, , encoded] = line.startsWith('Tag=') ? line.slice(4).split(',') : [undefined, ...line.split(',')];
    const bytes = Buffer.from(encoded!, 'base64');
    assert.deepEqual([bytes.readUInt32BE(0), bytes.readUInt32BE(4)], [0x1c849314, bytes.length - 8]);
    const counts = new HdrCounts();
    counts.addEncoded(inflateSync(bytes.subarray(8)));
    return { tag, start: Number(start), length: Number(length), counts };
  });
}

test('--hlog writes the histograms of the run, interval by interval', async () => {
  await using broker = await launchBroker();
  await using directory = await tempDirectory();
  const { port } = broker.target();
  const file = join(directory.path, 'run.hlog');
  const read = async (): Promise<ReturnType<typeof readLog>> => readLog(await readFile(file, 'utf8'));
  for (const workers of ['1', '2']) {
    const args = ['-n', '2', '-q', '1', '--rate', '300', '--warmup', '0', '--duration', '2.5', '--workers', workers, '--hlog', file];
    const { latency, acknowledgement } = await runBench(port, 'pubsub', ...args);
    const all = await read();
    for (const [tag, summary] of [
      [undefined, latency!],
      ['acknowledgement', acknowledgement!],
    ] as const) {
      const sum = new HdrCounts();
      for (const { counts } of all.filter((each) => each.tag === tag)) sum.add(counts);
      assert.deepEqual([sum.total, Math.round(sum.percentile(99) / 1000) / 1000], [summary.count, summary.p99Ms]);
    }
    const times = all.filter(({ tag }) => tag === undefined).map(({ start, length }) => [start, length]);
    assert.deepEqual(times.slice(0, 2), [
      [0, 1],
      [1, 1],
    ]);
  }
  await runBench(port, 'conn', '-n', '10', '--reconnect-storm', '--hlog', file);
  assert.deepEqual(
    (await read()).map(({ tag, counts }) => [tag, counts.total]),
    [
      [undefined, 10],
      ['storm', 10],
    ],
  );
  const failed = await wrenmq('bench', 'pub', '-h', '127.0.0.1', '-p', String(port), '--count', '1', '--hlog', directory.path);
  assert.deepEqual([failed.status, /^wrenmq: --hlog .*EISDIR/m.test(failed.stderr)], [1, true], failed.stderr);
});

test('what cannot be shared among workers is a usage error, with the nearest right flag', async () => {
  for (const [args, message] of [
    [['pubsub', '--workers', '11'], /--workers 11: there are only 10 clients/],
    [['pubsub', '--workers', 'many'], /--workers many: must be a whole number from 1 to 64/],
    [['pubsub', '--worker', '2'], /Did you mean --workers\?/],
    [['conn', '--reconect-storm'], /Did you mean --reconnect-storm\?/],
    [['pubsub', '--fail-if', 'all-served>5'], /--fail-if all-served>5: say the unit/],
  ] as const) {
    const { status, stderr } = await wrenmq('bench', ...args);
    assert.deepEqual([status, message.test(stderr)], [2, true], stderr);
  }
});

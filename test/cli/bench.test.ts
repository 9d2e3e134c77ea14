import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { freePort, hasMosquitto, launchAedes, launchBroker, launchMosquitto, repository, tempDirectory, WireClient } from '@wrenmq/testkit';
import { INVALID, type Result, runBench as bench, whole } from './run-bench.ts';
import { wrenmq } from './run-wrenmq.ts';

test('every scenario delivers what it counts, at every QoS', async () => {
  await using broker = await launchBroker();
  const { port } = broker.target();
  const rated = ['--count', '300', '--rate', '3000'];
  for (const qos of ['0', '1', '2']) {
    const acknowledged = qos === '0' ? 0 : 300;
    const pairs = await bench(port, 'pubsub', '-n', '5', '-q', qos, ...rated);
    assert.deepEqual(pairs.counts, {
      ...whole,
      connected: 10,
      sent: 300,
      acknowledged,
      received: 300,
      expected: 300,
      heldBack: pairs.counts['heldBack'],
    });
    assert.deepEqual([pairs.loop, pairs.version, pairs.latency?.count], ['open', '5.0', 300]);
    const closed = await bench(port, 'fanin', '-n', '5', '-q', qos, '--count', '300', '--rate', '0', '--window', '7', '--durable');
    assert.deepEqual(closed.counts, { ...whole, connected: 6, sent: 300, acknowledged, received: 300, expected: 300, heldBack: 0 });
    assert.equal(closed.loop, 'closed');
    const answers = await bench(port, 'rr', '-n', '5', '-q', qos, ...rated);
    assert.deepEqual([answers.counts['sent'], answers.counts['received'], answers.counts['acknowledged']], [300, 300, acknowledged]);
  }
});

test('fan-out to a thousand clients, and shared among them', async () => {
  await using broker = await launchBroker();
  const { port } = broker.target();
  const fanout = await bench(port, 'fanout', '-n', '1000', '--connect-rate', '0', '--count', '10', '--rate', '100');
  assert.deepEqual([fanout.counts['connected'], fanout.counts['received'], fanout.counts['lost']], [1001, 10_000, 0]);
  const shared = await bench(port, 'fanout', '-n', '20', '--share', 'g', '-q', '1', '--count', '200', '--rate', '2000');
  assert.deepEqual([shared.counts['received'], shared.counts['lost'], shared.counts['duplicates']], [200, 0, 0]);
});

test('conn makes connections at a rate, and lets new ones take the place of old ones', async () => {
  await using broker = await launchBroker();
  const { port } = broker.target();
  const crowd = await bench(port, 'conn', '-n', '1000', '--rate', '0');
  assert.deepEqual([crowd.counts, crowd.connect?.count], [{ connected: 1000, failed: 0 }, 1000]);
  const churn = await bench(port, 'conn', '-n', '5', '--count', '50', '--rate', '500', '--durable');
  assert.deepEqual(churn.counts, { connected: 50, failed: 0 });
});

test('messages larger than what is written at a time, and more topics than clients', async () => {
  await using broker = await launchBroker();
  const { port } = broker.target();
  const large = await bench(port, 'pubsub', '-n', '2', '-q', '1', '-s', '400000', '--count', '20', '--rate', '0', '--window', '2');
  assert.deepEqual([large.counts['received'], large.counts['lost']], [20, 0]);
  const many = await bench(port, 'pubsub', '-n', '3', '--topics', '40', '--count', '400', '--rate', '0');
  assert.deepEqual([many.counts['received'], many.counts['lost'], many.counts['outOfOrder']], [400, 0, 0]);
});

test('sub receives what pub sends from another process, and Ctrl-C ends pub with what it has measured', async () => {
  await using broker = await launchBroker();
  const address = ['-h', '127.0.0.1', '-p', String(broker.target().port)];
  const main = join(repository, 'packages', 'wrenmq', 'src', 'main.ts');
  const args = ['--conditions=@wrenmq/source', main, 'bench', 'pub', ...address, '-q', '1', '--rate', '500', '--duration', '60', '--json'];
  const publishing = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(publishing, 'close');
  const output = text(publishing.stdout);
  const received = await bench(broker.target().port, 'sub', '-n', '2', '--count', '200');
  publishing.kill('SIGINT');
  await closed;
  assert.ok(received.counts['received'] >= 200);
  assert.ok(received.latency!.count > 0);
  assert.equal(publishing.exitCode, 130);
  const { counts } = JSON.parse(await output) as Result;
  assert.ok(counts['sent'] > 0 && counts['acknowledged'] <= counts['sent']);
});

test('bench speaks 3.1.1 with aedes and MQTT 5 with mosquitto, whose windows it keeps', async () => {
  await using aedes = await launchAedes();
  const old = await bench(aedes.target.port, 'pubsub', '-n', '3', '-q', '1', '--count', '150', '--rate', '1500', '--durable');
  assert.deepEqual([old.version, old.counts['received'], old.counts['lost']], ['3.1.1', 150, 0]);
  if (!hasMosquitto) return;
  await using mosquitto = await launchMosquitto();
  // It takes 20 messages of QoS 2 at a time, and would end the connection after the next.
  const held = await bench(mosquitto.target.port, 'pubsub', '-n', '2', '-q', '2', '--count', '400', '--rate', '100000', '--drain', '10');
  assert.deepEqual([held.version, held.counts['acknowledged'], held.counts['received']], ['5.0', 400, 400]);
});

test('a rate that no generator reaches is INVALID, and says why', async () => {
  await using broker = await launchBroker();
  const result = await bench(
    broker.target().port,
    'pubsub',
    '-n',
    '2',
    '--rate',
    '100000000',
    '--warmup',
    '0',
    '--duration',
    '0.2',
    '--drain',
    '0.1',
  );
  assert.equal(result.isValid, false, JSON.stringify(result));
  assert.ok(result.counts['missed'] > 0, JSON.stringify(result));
  assert.match(result.invalid.join('\n'), /it did not send \d+ of the 20000000 messages that were due/);
});

test('a broker that vanishes in the middle ends the run, which tells of the lost connections', async () => {
  await using broker = await launchBroker();
  const target = broker.target();
  const watcher = await WireClient.open(target, 5);
  await watcher.connect();
  await watcher.subscribe('vanishing/#');
  const ended = wrenmq(
    'bench',
    'pubsub',
    '-h',
    target.host,
    '-p',
    String(target.port),
    '-n',
    '2',
    '-t',
    'vanishing',
    '--duration',
    '60',
    '--json',
  );
  await watcher.receive();
  await broker.kill();
  const { status, stdout, stderr } = await ended;
  const { counts, isValid } = JSON.parse(stdout) as Result;
  assert.equal(status, isValid ? 1 : INVALID, stderr);
  assert.ok(counts['lostConnections'] > 0 && counts['sent'] > 0, JSON.stringify(counts));
});

test('a durable load leaves no session behind', async () => {
  await using broker = await launchBroker();
  const { port } = broker.target();
  for (const version of ['5', '311']) {
    await bench(port, 'pubsub', '-n', '2', '-V', version, '-q', '1', '--count', '10', '--durable', '-t', `left/${version}`);
    // A session that was left would still be subscribed: nobody is.
    const client = await WireClient.open(broker.target(), 5);
    await client.connect();
    assert.equal(await client.publish({ topic: `left/${version}/0`, qos: 1 }), 0x10);
    await client.cut();
  }
});

test('bench prints a report that begins and ends with its verdict, and says what is wrong with its flags', async () => {
  await using broker = await launchBroker();
  const address = ['-h', '127.0.0.1', '-p', String(broker.target().port)];
  const { stdout, status } = await wrenmq('bench', 'pubsub', ...address, '-n', '2', '--count', '20');
  assert.match(stdout, /pubsub {2}2 clients {2}qos 0 {2}64 B {2}open loop, 1,000\/s {2}MQTT 5\.0/);
  assert.match(stdout, /sent 20 {2}received 20 {2}expected 20 {2}lost 0 {2}duplicates 0 {2}out of order 0/);
  assert.match(stdout, /latency \(intended to received\) +p50 [\d.]+ ms {2}p90 .* p99\.9 - {2}max/);
  assert.match(stdout, status === 0 ? /\nVALID\n$/ : /^INVALID\n[\s\S]*\nINVALID: .*\n$/);
  for (const [flags, message] of [
    [['--size', '3'], /--size 3: must be a whole number from 28 /],
    [['--rate', '0', '--ramp', '1'], /--ramp needs a --rate to reach/],
    [['--rate', 'fast'], /--rate fast: must be a number/],
  ] as const) {
    const wrong = await wrenmq('bench', 'pubsub', ...address, ...flags);
    assert.deepEqual([wrong.status, message.test(wrong.stderr)], [2, true], wrong.stderr);
  }
});

test('--out and --csv write the result and its seconds, --fail-if judges it, compare compares two', async () => {
  await using broker = await launchBroker();
  await using directory = await tempDirectory();
  const address = ['-h', '127.0.0.1', '-p', String(broker.target().port)];
  const [one, two, csv] = ['one.json', 'two.json', 'seconds.csv'].map((name) => join(directory.path, name));
  const args = [...address, '-n', '2', '--rate', '200', '--warmup', '0', '--duration', '2.5', '--poisson', '--seed', '7', '--json'];
  for (const out of [one, two]) {
    const { status, stdout, stderr } = await wrenmq('bench', 'pubsub', ...args, '--out', out, '--csv', csv, '--fail-if', 'lost>0');
    const printed = JSON.parse(stdout) as Result;
    assert.equal(status, printed.isValid ? 0 : INVALID, stderr);
    assert.deepEqual(JSON.parse(await readFile(out, 'utf8')), printed);
  }
  const rows = (await readFile(csv, 'utf8')).trim().split('\n');
  assert.equal(rows[0], 'second,sent,acknowledged,received,p50Ms,p99Ms,maxMs');
  assert.match(rows[1], /^0,\d+,0,\d+,[\d.]+,[\d.]+,[\d.]+$/);
  const [first, second] = await Promise.all([one, two].map(async (file) => JSON.parse(await readFile(file, 'utf8')) as Result));
  assert.equal(first.counts['sent'], second.counts['sent'], 'the same seed sends the same');
  const compared = await wrenmq('bench', 'compare', one, two, '--json');
  assert.equal(compared.status, 0, compared.stderr);
  assert.ok((JSON.parse(compared.stdout) as { differences: unknown[] }).differences.length > 0);
  assert.match((await wrenmq('bench', 'compare', one, two)).stdout, /^p50Ms .* too few seconds to tell \(5 are needed\)$/m);
  const broken = await wrenmq('bench', 'pubsub', ...address, '--count', '50', '--fail-if', 'p99<1h', '--fail-if', 'lost>0');
  assert.equal(broken.status, 2, 'an hour is no unit');
  const failed = await wrenmq('bench', 'pubsub', ...address, '--count', '50', '--fail-if', 'p50>0.001us', '--fail-if', 'lost>0');
  assert.equal(failed.status, INVALID);
  if (/^INVALID/m.test(failed.stdout)) return;
  assert.match(failed.stderr, /^wrenmq: --fail-if p50>0\.001us: it was [\d.]+\n$/);
});

test('bench ends with 3 when there is no broker, and with 4 when it refuses', async () => {
  assert.equal((await wrenmq('bench', 'conn', '-h', '127.0.0.1', '-p', String(await freePort()))).status, 3);
  await using broker = await launchBroker({ settings: { 'listeners.tcp.anonymous': 'deny' } });
  assert.equal((await wrenmq('bench', 'pub', '-h', '127.0.0.1', '-p', String(broker.target().port))).status, 4);
});

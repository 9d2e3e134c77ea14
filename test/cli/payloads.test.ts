import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launchBroker, type LaunchedBroker, tempDirectory, WireClient } from '@wrenmq/testkit';
import { runWrenmq } from './run-tool.ts';
import { StartedTool } from './started-tool.ts';

// What becomes of payloads on their way out and in, from end to end.

const patience = { timeout: 60_000 };
const directory = await tempDirectory();
let broker: LaunchedBroker;
let where: readonly string[];

before(async () => {
  broker = await launchBroker();
  where = ['-h', '127.0.0.1', '-p', String(broker.target().port)];
});

after(async () => {
  await broker?.close();
  await directory.remove();
});

interface Case {
  readonly pub: readonly string[];
  readonly sub: readonly string[];
  readonly expected: string;
  readonly input?: string;
}

const CASES: readonly Case[] = [
  { pub: ['-m', '{"t":[21.50]}', '--encode', 'cbor'], sub: ['-C', '1', '-F', '%x'], expected: 'a1617481f94d60\n' },
  { pub: ['-m', '{"t":[21.50]}', '--encode', 'cbor'], sub: ['-C', '1', '--decode', 'cbor', '--jq', '.t[0]'], expected: '21.5\n' },
  {
    pub: ['-m', '{"t":1}', '--encode', 'msgpack', '--content-type', 'application/msgpack'],
    sub: ['-C', '1', '--decode', 'auto', '-F', '%p %l'],
    expected: '{"t":1} 4\n',
  },
  { pub: ['-m', '6869', '--encode', 'hex'], sub: ['-C', '1'], expected: 'hi\n' },
  { pub: ['-l', '--encode', 'base64'], input: 'aGk=\nd3Jlbg==\n', sub: ['-C', '2'], expected: 'hi\nwren\n' },
  { pub: ['-m', '{{n}}!', '--template', '--repeat', '3', '--rate', '200/s'], sub: ['-C', '3'], expected: '1!\n2!\n3!\n' },
  { pub: ['-l', '--template', '--rate', '6000/m'], input: 'a{{n}}\nb{{n}}\n', sub: ['-C', '2'], expected: 'a1\nb2\n' },
  { pub: ['-l'], input: '{"v":1}\nno\n{"w":2}\n{"v":3}\n', sub: ['-C', '2', '--jq', '.v'], expected: '1\n3\n' },
  { pub: ['-m', 'x', '--output', 'text'], sub: ['-C', '1', '--output', 'raw'], expected: 'x' },
  { pub: ['-l'], input: 'one\ntwo\n', sub: ['-C', '2', '--watch'], expected: '2 messages, 1 topics\nTOPIC       2  two\n' },
];

for (const [i, { pub, sub, expected, input }] of CASES.entries())
  test(`pub ${pub.join(' ')} and sub ${sub.join(' ')} print ${JSON.stringify(expected)}`, patience, async (t) => {
    const topic = `p/${i}`;
    const tool = await StartedTool.subscribed(t, ['sub', ...where, '-t', topic, '-q', '1', ...sub]);
    const sent = await runWrenmq(['pub', ...where, '-t', topic, '-q', '1', ...pub], input === undefined ? {} : { input });
    assert.equal(sent.status, 0, sent.stderr);
    const { status, stdout } = await tool.ended;
    assert.deepEqual([status, stdout], [0, expected.replace('TOPIC', `${topic}  `)]);
  });

test('sub --decode auto knows Sparkplug by its topics, and names metrics by their birth certificate', patience, async (t) => {
  const args = ['sub', ...where, '-t', 'spBv1.0/#', '-q', '1', '-C', '2', '--decode', 'auto', '--jq', '.metrics[0]'];
  const tool = await StartedTool.subscribed(t, args);
  // {name: 'T', alias: 1, datatype: Int8, int_value: 0xffffffff}, then {alias: 1, int_value: 0xfffffffe}
  for (const [kind, hex] of [
    ['NBIRTH', '120d0a01541001200150ffffffff0f'],
    ['NDATA', '1208100150feffffff0f'],
  ] as const) {
    const sent = await runWrenmq(['pub', ...where, '-t', `spBv1.0/g/${kind}/n`, '-q', '1', '-m', hex, '--encode', 'hex']);
    assert.equal(sent.status, 0, sent.stderr);
  }
  const { status, stdout } = await tool.ended;
  const metric = { name: 'T', alias: 1, datatype: 'Int8' };
  const lines = stdout.trim().split('\n');
  assert.deepEqual(
    [status, lines.map((line) => JSON.parse(line) as unknown)],
    [
      0,
      [
        { ...metric, value: -1 },
        { ...metric, value: -2 },
      ],
    ],
  );
});

test('a line that cannot be encoded ends pub with code 2', patience, async () => {
  const { status, stderr } = await runWrenmq(['pub', ...where, '-t', 'x', '-l', '--encode', 'json'], { input: '1\n{\n' });
  assert.equal(status, 2);
  assert.match(stderr, /^wrenmq: --encode json: /);
});

test('--rate without --repeat goes on until Ctrl-C', patience, async (t) => {
  const tool = await StartedTool.subscribed(t, ['sub', ...where, '-t', 'tick', '-C', '3']);
  const clock = new StartedTool(t, ['pub', ...where, '-t', 'tick', '-m', '{{n}}', '--template', '--rate', '50']);
  assert.equal((await tool.ended).status, 0);
  clock.child.kill('SIGINT');
  assert.equal((await clock.ended).status, 130);
  // Whoever does not wait for the second message of an hour sends many.
  const hourly = await StartedTool.subscribed(t, ['sub', ...where, '-t', 'hour', '-C', '2']);
  const clockwork = new StartedTool(t, ['pub', ...where, '-t', 'hour', '-m', '{{n}}', '--template', '--rate', '1/h']);
  await hourly.told('1\n');
  await runWrenmq(['pub', ...where, '-t', 'hour', '-m', 'end']);
  assert.equal((await hourly.ended).stdout, '1\nend\n');
  clockwork.child.kill('SIGINT');
  assert.equal((await clockwork.ended).status, 130);
});

test('--dump writes each payload to a file and prints its name; --message-rate prints figures, not messages', patience, async (t) => {
  const dump = join(directory.path, 'dump');
  const tool = await StartedTool.subscribed(t, ['sub', ...where, '-t', 'dump/#', '-q', '1', '-C', '2', '--dump', dump]);
  const meter = await StartedTool.subscribed(t, ['sub', ...where, '-t', 'dump/#', '-q', '1', '-C', '2', '--message-rate', '--json']);
  for (const payload of ['00ff', '0d0a'])
    await runWrenmq(['pub', ...where, '-q', '1', '-t', 'dump/../x', '-m', payload, '--encode', 'hex']);
  const files = (await tool.ended).stdout.trim().split('\n');
  assert.deepEqual(
    files,
    (await readdir(dump)).toSorted().map((name) => join(dump, name)),
  );
  assert.deepEqual(await Promise.all(files.map((file) => readFile(file, 'hex'))), ['00ff', '0d0a']);
  const figures = (await meter.ended).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { messagesPerSecond: number });
  assert.ok(figures.some(({ messagesPerSecond }) => messagesPerSecond > 0));
});

test('rr asks several times, and tells how long the answers took', patience, async (t) => {
  const responder = await WireClient.open(broker.target());
  await responder.connect({ clientId: 'echo' });
  await responder.subscribe('echo');
  const answering = (async () => {
    for (let i = 0; i < 6; i += 1) {
      const { payload, properties } = await responder.receive();
      const { responseTopic, correlationData } = properties;
      await responder.publish({ topic: responseTopic!, payload, properties: correlationData === undefined ? {} : { correlationData } });
    }
  })();
  const asking = new StartedTool(t, ['rr', ...where, '-t', 'echo', '-m', 'q{{n}}', '--template', '-C', '3', '-W', '20']);
  assert.equal((await asking.ended).stdout, 'q1\nq2\nq3\n');
  const timing = new StartedTool(t, [
    'rr',
    ...where,
    '-t',
    'echo',
    '-e',
    'echoed',
    '-m',
    'q',
    '-C',
    '3',
    '--latency',
    '--json',
    '-W',
    '20',
  ]);
  const lines = (await timing.ended).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, number>);
  assert.equal(lines.length, 4);
  assert.ok(lines.slice(0, 3).every(({ latencyMs }) => latencyMs > 0));
  assert.deepEqual([lines[3]['sent'], lines[3]['answered']], [3, 3]);
  await answering;
  await responder.cut();
});

test('--tls-keylog writes the secrets of the connection, for its owner only', patience, async () => {
  const file = join(directory.path, 'keys.log');
  const tls = ['-h', '127.0.0.1', '-p', String(broker.target('tls').port), '--cafile', broker.certificateAuthority];
  assert.equal((await runWrenmq(['pub', ...tls, '-t', 'x', '-m', 'x', '-q', '1', '--tls-keylog', file])).status, 0);
  assert.match(await readFile(file, 'utf8'), /^CLIENT_HANDSHAKE_TRAFFIC_SECRET [\da-f]{64} [\da-f]+$/m);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});

test('with --json, and with --output json, what is wrong is JSON on standard error, whoever finds it', patience, async () => {
  for (const args of [
    ['pub', '--no-such-flag', '--json'],
    ['sub', '-t', 'a', '--output', 'json', '-q', '7'],
    ['explain', 'nothing-like-it', '--json'],
    ['nothing', '--json'],
  ]) {
    const { status, stdout, stderr } = await runWrenmq(args);
    assert.deepEqual([status, stdout], [2, ''], args.join(' '));
    const { error } = JSON.parse(stderr) as { error: Record<string, unknown> };
    assert.deepEqual([error['code'], error['exitCode']], ['Usage', 2]);
    assert.ok(String(error['message']).length > 5);
  }
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  FaultProxy,
  freePort,
  launchBroker,
  type LaunchedBroker,
  nodeBinary,
  repository,
  tempDirectory,
  WireClient,
} from '@wrenmq/testkit';
import { runWrenmq } from './run-tool.ts';
import { StartedTool } from './started-tool.ts';

// What mosquitto's tools do not do, or not as well: exit codes, good order, JSON, contexts, pipes.

const patience = { timeout: 60_000 };
const directory = await tempDirectory();
let broker: LaunchedBroker;
let other: WireClient;
let where: readonly string[];

/** As mosquitto's password files have it. */
function passwordHash(password: string): string {
  const salt = randomBytes(12);
  return `$7$101$${salt.toString('base64')}$${pbkdf2Sync(password, salt, 101, 64, 'sha512').toString('base64')}`;
}

before(async () => {
  broker = await launchBroker({
    settings: {
      'authentication.users.ann.passwordHash': passwordHash('right'),
      'authorization.rules': '[{permission: deny, action: all, topics: ["forbidden/#"]}, {permission: allow, action: all, topics: ["#"]}]',
    },
  });
  where = ['-h', '127.0.0.1', '-p', String(broker.target().port)];
  other = await WireClient.open(broker.target());
  await other.connect({ clientId: 'other' });
});

after(async () => {
  await other?.cut();
  await broker?.close();
  await directory.remove();
});

test('nobody at the address is exit code 3, with a hint', patience, async () => {
  const { status, stderr } = await runWrenmq(['pub', '-h', '127.0.0.1', '-p', String(await freePort()), '-t', 'a', '-m', 'b']);
  assert.equal(status, 3);
  assert.match(stderr, /^wrenmq: cannot connect to 127\.0\.0\.1:\d+: .*ECONNREFUSED[^]*wrenmq start --dev\n$/);
});

test('a refused login is exit code 4, or the reason code with --exit-with-reason', patience, async () => {
  const login = ['pub', ...where, '-t', 'a', '-m', 'b', '-u', 'ann', '-P', 'wrong'];
  const { status, stderr } = await runWrenmq(login);
  assert.equal(status, 4);
  assert.match(stderr, /^wrenmq: the broker refused the connection: 0x8[67] .*\n\(wrenmq explain 0x8[67]\)\n$/);
  assert.ok([0x86, 0x87].includes((await runWrenmq([...login, '--exit-with-reason'])).status ?? 0));
  const { stderr: json } = await runWrenmq([...login, '--json']);
  const { error } = JSON.parse(json) as { error: { code: string; exitCode: number; reasonCode: number } };
  assert.deepEqual([error.code, error.exitCode], ['Refused', 4]);
  assert.ok([0x86, 0x87].includes(error.reasonCode));
  assert.equal((await runWrenmq([...login, '--quiet'])).stderr, '');
});

test('a refused message or subscription is exit code 5', patience, async () => {
  const denied = await runWrenmq(['pub', ...where, '-t', 'forbidden/a', '-m', 'b', '-q', '1']);
  assert.equal(denied.status, 5, denied.stderr);
  assert.match(denied.stderr, /^wrenmq: the broker refused it: 0x87 /);
  assert.equal((await runWrenmq(['sub', ...where, '-t', 'forbidden/a', '-E'])).status, 5);
});

test('wrong usage is exit code 2, before anything is sent', patience, async () => {
  for (const args of [
    ['pub', '-m', 'x'],
    ['pub', '-t', 'a/#', '-m', 'x'],
    ['pub', '-t', 'a'],
    ['pub', '-t', 'a', '-m', 'x', '-n'],
    ['pub', '-t', 'a', '-m', 'x', '-q', '3'],
    ['pub', '-t', 'a', '-l', '--repeat', '2'],
    ['sub'],
    ['sub', '-t', 'a', '-F', '%'],
    ['sub', '-t', 'a', '-C', '0'],
    ['sub', '-t', 'a', '--random-filter', '101'],
    ['rr', '-m', 'x'],
    ['sub', '-t', 'a', '-Wt', 'x'],
    ['sub', '-t', 'a', '-P'],
  ]) {
    const { status, stderr } = await runWrenmq(args);
    assert.equal(status, 2, args.join(' '));
    assert.match(stderr, /^wrenmq: /, args.join(' '));
  }
});

test('Ctrl-C ends sub in good order: with DISCONNECT, without the will, with code 130', patience, async (t) => {
  const watcher = await WireClient.open(broker.target());
  await watcher.connect({ clientId: 'watcher' });
  await watcher.subscribe('order/#');
  const tool = await StartedTool.subscribed(t, ['sub', ...where, '-t', 'x', '--will-topic', 'order/will', '--will-payload', 'gone']);
  tool.child.kill('SIGINT');
  assert.equal((await tool.ended).status, 130);
  const killed = await StartedTool.subscribed(t, ['sub', ...where, '-t', 'x', '--will-topic', 'order/will', '--will-payload', 'killed']);
  killed.child.kill('SIGKILL');
  assert.equal(String((await watcher.receive()).payload), 'killed');
  await watcher.cut();
});

test('a session that is kept misses nothing: neither by Ctrl-C nor by -C', patience, async (t) => {
  const session = ['sub', ...where, '-i', 'keeper', '-c', '-q', '1', '-t', 'keep/#'];
  const tool = await StartedTool.subscribed(t, session);
  tool.child.kill('SIGTERM');
  assert.equal((await tool.ended).status, 143);
  for (const payload of ['1', '2', '3']) await other.publish({ topic: 'keep/a', payload, qos: 1 });
  assert.equal((await runWrenmq([...session, '-C', '2'])).stdout, '1\n2\n');
  assert.equal((await runWrenmq([...session, '-W', '1'])).stdout, '3\n');
});

test('sub goes on after the connection was lost', patience, async (t) => {
  await using proxy = await FaultProxy.start(broker.target());
  const there = ['-h', '127.0.0.1', '-p', String(proxy.target.port)];
  // A session that is kept: what comes while it is away is not lost.
  const tool = await StartedTool.subscribed(t, ['sub', ...there, '-t', 'lost/a', '-C', '2', '-q', '1', '-i', 'lost', '-c']);
  await other.publish({ topic: 'lost/a', payload: 'before', qos: 1 });
  await tool.told('before');
  proxy.cutAll();
  await tool.told('next attempt in');
  await other.publish({ topic: 'lost/a', payload: 'after', qos: 1 });
  const { status, stdout } = await tool.ended;
  assert.deepEqual([status, stdout], [0, 'before\nafter\n']);
});

test('pub -l goes on after the connection was lost, and loses no line', patience, async (t) => {
  await using proxy = await FaultProxy.start(broker.target());
  const subscriber = await StartedTool.subscribed(t, ['sub', ...where, '-t', 'cut/lines', '-q', '1']);
  const there = ['-h', '127.0.0.1', '-p', String(proxy.target.port)];
  const tool = new StartedTool(t, ['pub', ...there, '-t', 'cut/lines', '-l', '-q', '1', '-d']);
  await tool.told('connected to');
  tool.child.stdin?.write('before 1\nbefore 2\n');
  await subscriber.told('before 2');
  proxy.cutAll();
  tool.child.stdin?.end('after 1\nafter 2');
  assert.equal((await tool.ended).status, 0);
  await subscriber.told('after 2');
});

test('-l publishes lines in order, as fast as they come', patience, async (t) => {
  const count = 20_000;
  const tool = await StartedTool.subscribed(t, ['sub', ...where, '-t', 'lines', '-q', '1', '-C', String(count)]);
  const lines = Array.from({ length: count }, (_, i) => `line ${i}`).join('\n');
  assert.equal((await runWrenmq(['pub', ...where, '-t', 'lines', '-l', '-q', '1'], { input: lines })).status, 0);
  assert.equal((await tool.ended).stdout, `${lines}\n`);
});

test('a reader that goes away ends sub without a complaint', patience, async () => {
  await other.publish({ topic: 'pipe/a', payload: 'first', retain: true, qos: 1 });
  const main = join(repository, 'packages', 'wrenmq', 'src', 'main.ts');
  const command = `"${nodeBinary}" --conditions=@wrenmq/source "${main}" sub ${where.join(' ')} -t 'pipe/#' | head -n 1; echo "\${PIPESTATUS[0]}"`;
  const shell = spawn('bash', ['-c', command], { env: { ...process.env, XDG_CONFIG_HOME: '/nonexistent' } });
  let [output, complaints] = ['', ''];
  shell.stdout.on('data', (bytes) => (output += String(bytes)));
  shell.stderr.on('data', (bytes) => (complaints += String(bytes)));
  const publishing = setInterval(() => void other.publish({ topic: 'pipe/a', payload: 'more' }), 20);
  await once(shell, 'close');
  clearInterval(publishing);
  assert.deepEqual([output, complaints], ['first\n0\n', '']);
});

test('a message of 2 MB is printed whole', patience, async (t) => {
  const file = join(directory.path, 'large');
  const large = 'wren'.repeat(225_000);
  await writeFile(file, large);
  const tool = await StartedTool.subscribed(t, ['sub', ...where, '-t', 'large', '-C', '3', '-N', '-q', '1']);
  await runWrenmq(['pub', ...where, '-t', 'large', '-f', file, '-q', '1', '--repeat', '3']);
  assert.ok((await tool.ended).stdout === large.repeat(3));
});

test('--random-filter prints a part of what comes, and counts all of it', patience, async (t) => {
  const tool = await StartedTool.subscribed(t, ['sub', ...where, '-t', 'random', '-C', '400', '--random-filter', '50', '-q', '1']);
  const input = 'x\n'.repeat(400);
  await runWrenmq(['pub', ...where, '-t', 'random', '-l', '-q', '1'], { input });
  const printed = (await tool.ended).stdout.length / 2;
  // 7 standard deviations.
  assert.ok(printed > 130 && printed < 270, String(printed));
});

test('rr gets its answer on a topic of its own, and says at once when nobody listens', patience, async (t) => {
  const responder = await WireClient.open(broker.target());
  await responder.connect({ clientId: 'responder' });
  await responder.subscribe('ask/#');
  const asking = new StartedTool(t, ['rr', ...where, '-t', 'ask/me', '-m', 'question', '--json']);
  const { properties } = await responder.receive();
  assert.ok(properties?.responseTopic !== undefined && properties.correlationData !== undefined);
  const { responseTopic, correlationData } = properties;
  await responder.publish({ topic: responseTopic, payload: '{"is":1}', qos: 1, properties: { correlationData } });
  const { status, stdout } = await asking.ended;
  assert.equal(status, 0);
  assert.deepEqual((JSON.parse(stdout) as { payload: unknown }).payload, { is: 1 });
  await responder.cut();
  const alone = await runWrenmq(['rr', ...where, '-t', 'nobody', '-e', 'answer', '-m', 'x', '-q', '1']);
  assert.equal(alone.status, 5);
  assert.match(alone.stderr, /nobody subscribes to nobody/);
});

test('pub --json tells what the broker answered', patience, async () => {
  const { stdout } = await runWrenmq(['pub', ...where, '-t', 'nobody/here', '-m', 'x', '-q', '1', '--json']);
  const { reasonCode, noSubscribers } = JSON.parse(stdout) as { reasonCode: number; noSubscribers: boolean };
  assert.deepEqual([reasonCode, noSubscribers], [0x10, true]);
});

test('TLS by --cafile; --insecure leaves the name out of the check, and without --cafile everything', patience, async () => {
  const port = String(broker.target('tls').port);
  const publish = async (...more: string[]) => (await runWrenmq(['pub', '-p', port, '-t', 'tls', '-m', 'x', '-q', '1', ...more])).status;
  const ca = ['--cafile', broker.certificateAuthority];
  assert.equal(await publish('-h', '127.0.0.1', ...ca), 0);
  assert.equal(await publish('-h', 'localhost', '-L', `mqtts://localhost:${port}`), 3);
  assert.equal(await publish('-L', `mqtts://localhost:${port}`, '--insecure'), 0);
  // The certificate names 127.0.0.1, not 127.0.0.2.
  assert.equal(await publish('-h', '127.0.0.1', ...ca, '--insecure', '--tls-version', 'tlsv1.3'), 0);
});

test('WebSocket by --ws and by a URL', patience, async () => {
  const { port } = broker.target('ws');
  for (const way of [
    ['-h', '127.0.0.1', '-p', String(port), '--ws'],
    ['-L', `ws://127.0.0.1:${port}/mqtt`],
  ])
    assert.equal((await runWrenmq(['pub', ...way, '-t', 'ws', '-m', 'x', '-q', '1'])).status, 0);
});

test('flags come from a file, from the environment and from a context', patience, async () => {
  const file = join(directory.path, 'flags');
  await writeFile(file, `# where\n${where[0]} ${where[1]}\n--port ${where[3]}\n\n-t from/file\n-D publish user-property a b c\n`);
  assert.equal((await runWrenmq(['pub', '-o', file, '-m', 'x', '-q', '1'])).status, 0);
  const url = `mqtt://127.0.0.1:${where[3]}`;
  assert.equal((await runWrenmq(['pub', '-t', 'a', '-m', 'x', '-q', '1'], { env: { WRENMQ_URL: url } })).status, 0);
  const env = { XDG_CONFIG_HOME: join(directory.path, 'config') };
  assert.equal(
    (await runWrenmq(['context', 'add', 'here', '-L', url, '-i', 'from-context', '-P', 'secret', '-u', 'ann'], { env })).status,
    0,
  );
  const { stderr } = await runWrenmq(['pub', '-t', 'a', '-m', 'x', '-d'], { env });
  assert.match(stderr, /refused/, 'the password of the context is a wrong one, so it was used');
  const { stderr: away } = await runWrenmq(['pub', '-t', 'a', '-m', 'x', '-d', '--context', 'away'], { env });
  assert.match(away, /no context away/);
});

test('contexts are files that only their owner reads; show hides the secrets', patience, async () => {
  const env = { XDG_CONFIG_HOME: join(directory.path, 'contexts') };
  await mkdir(env.XDG_CONFIG_HOME);
  const context = async (...args: string[]) => runWrenmq(['context', ...args], { env });
  await context('add', 'one', '-L', 'mqtts://bob:word@one', '--cafile', 'ca.pem');
  await context('add', 'two', '-h', 'two', '--password-env', 'TWO', '-D', 'connect', 'user-property', 'a', 'b c');
  assert.equal((await context('list')).stdout, '* one                  mqtts://one:8883\n  two                  mqtt://two:1883\n');
  assert.equal((await context('use', 'two')).status, 0);
  const lines = (await context('list', '--json')).stdout.trim().split('\n');
  assert.deepEqual(JSON.parse(lines[1]), { name: 'two', url: 'mqtt://two:1883', current: true });
  const shown = JSON.parse((await context('show', 'one')).stdout) as { url: string; cafile: string };
  assert.equal(shown.url, 'mqtts://bob:(hidden)@one');
  assert.ok(shown.cafile.startsWith('/'), shown.cafile);
  const file = join(env.XDG_CONFIG_HOME, 'wrenmq', 'contexts', 'two.json');
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), {
    host: 'two',
    passwordEnv: 'TWO',
    property: ['connect user-property a b c'],
  });
  await chmod(file, 0o644);
  assert.match((await context('show', 'two')).stderr, /chmod 600/);
  await chmod(file, 0o600);
  assert.equal((await context('remove', 'two')).status, 0);
  assert.equal((await context('show', 'two')).status, 2);
  assert.equal((await context('add', '../evil', '-h', 'x')).status, 2);
});

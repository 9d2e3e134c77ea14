import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { LaunchedProcess, repository, tempDirectory, type TempDirectory, WireClient } from '@wrenmq/testkit';
import { findMachineNode } from '@wrenmq/testkit/machine-node.ts';

/** What npm writes of the published packages, installed into a folder that knows nothing of the repository. */
let directory: TempDirectory | undefined;
let folder: string;

const PUBLISHED = ['@wrenmq/codec', '@wrenmq/client', '@wrenmq/broker', 'wrenmq'];
const INSTALL_TIMEOUT_MS = 300_000;

/** npm and npx start `node` by its name: it must be the one that runs this test. */
function environment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(npm_|WRENMQ_|NODE_OPTIONS$|NODE_TEST)/i.test(name));
  return { ...Object.fromEntries(inherited), PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}` };
}

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', env: environment() });
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${String(error ?? '')}${stdout}${stderr}`);
  return stdout;
}

before(
  async () => {
    directory = await tempDirectory();
    folder = join(directory.path, 'empty');
    const tarballs = join(directory.path, 'tarballs');
    await mkdir(folder);
    await mkdir(tarballs);
    // It compiles what it packs.
    run('npm', ['pack', '--silent', '--pack-destination', tarballs, ...PUBLISHED.flatMap((name) => ['--workspace', name])], repository);
    await writeFile(join(folder, 'package.json'), '{"private":true,"type":"module"}');
    const files = (await readdir(tarballs)).map((name) => join(tarballs, name));
    run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', ...files], folder);
  },
  { timeout: INSTALL_TIMEOUT_MS },
);

after(() => directory?.remove());

test('the tarballs hold compiled files, no tests and no sources', async () => {
  for (const name of PUBLISHED) {
    const files = await readdir(join(folder, 'node_modules', name), { recursive: true });
    const strangers = files.filter(
      (file) => !file.includes('node_modules') && (/\.test\.|test-|(?<!\.d)\.ts$/.test(file) || file.startsWith('src')),
    );
    assert.deepEqual(strangers, [], name);
    assert.ok(files.includes('README.md') && files.some((file) => file.endsWith('LICENSE')), `${name} has no README.md or no licence`);
  }
});

test('npx wrenmq start gives a broker that delivers a message', { timeout: 60_000 }, async () => {
  const binds = ['listeners.tcp', 'listeners.ws', 'listeners.tls', 'listeners.tls1884', 'listeners.wss', 'admin'];
  const settings = binds.flatMap((name) => ['--set', `${name}.bind=127.0.0.1:0`]);
  let ready: { pid: number; listeners: { tcp: { port: number } } } | undefined;
  const broker = await LaunchedProcess.launch({
    command: 'npx',
    args: ['--no-install', 'wrenmq', 'start', '--print-ready', '--data', join(folder, 'data'), ...settings],
    cwd: folder,
    env: environment(),
    isReady(line) {
      if (line.startsWith('{"ready":true')) ready = JSON.parse(line) as typeof ready;
      return ready !== undefined;
    },
  });
  assert.ok(ready !== undefined);
  const target = { host: '127.0.0.1', port: ready.listeners.tcp.port };
  const [subscriber, publisher] = [await WireClient.open(target), await WireClient.open(target)];
  await subscriber.connect({ clientId: 'subscriber' });
  await publisher.connect({ clientId: 'publisher' });
  await subscriber.subscribe('packed/#');
  assert.equal(await publisher.publish({ topic: 'packed/hello', qos: 1 }), 0);
  assert.equal((await subscriber.receive()).topic, 'packed/hello');
  process.kill(ready.pid, 'SIGTERM');
  assert.deepEqual(await broker.whenEnded, { code: 0, signal: null });
});

test('the libraries can be imported, and their types are complete', async () => {
  const embedding = [
    "import { createBroker } from '@wrenmq/broker';",
    "const broker = createBroker({ settings: { durability: 'memory', dataDirectory: './embedded' } });",
    "broker.hook('message.published', () => {});",
    'const stopped: Promise<void> = broker.stop();',
    'await stopped;',
    "import { connect, createClient, type MqttClient } from '@wrenmq/client';",
    "import { rpcClient } from '@wrenmq/client/rpc';",
    "import { fileStore } from '@wrenmq/client/store/file';",
    "const client: MqttClient = createClient('mqtt://127.0.0.1:9', { clientId: 'packed', session: { store: fileStore('./session') } });",
    'await client.close();',
    'void [connect, rpcClient];',
  ].join('\n');
  await writeFile(join(folder, 'embed.ts'), embedding);
  run(process.execPath, ['embed.ts'], folder);
  const compiler = join(repository, 'node_modules', 'typescript', 'bin', 'tsc');
  const types = join(repository, 'node_modules', '@types');
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node', '--typeRoots', types];
  run(process.execPath, [compiler, ...options, '--skipLibCheck', 'embed.ts'], folder);
});

const oldNode = findMachineNode((major) => major < 24);

test('on a Node.js that is too old the command says so in one line', { skip: oldNode === null ? 'no old Node.js here' : false }, () => {
  const { status, stdout, stderr } = spawnSync(oldNode ?? '', [join(folder, 'node_modules', '.bin', 'wrenmq'), 'start'], {
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /^wrenmq needs Node\.js 24 or newer; this is v\d+\.\d+\.\d+ \(.+\)\n$/);
});

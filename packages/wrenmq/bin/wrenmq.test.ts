import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { launchBroker, tempDirectory, WireClient } from '@wrenmq/testkit';

const launcher = join(import.meta.dirname, 'wrenmq.mjs');

function run(file: string, ...args: readonly string[]) {
  return spawnSync(process.execPath, [file, ...args], { encoding: 'utf8', env: { ...process.env, XDG_CONFIG_HOME: '/nonexistent' } });
}

test('--version is answered by the launcher', () => {
  const { status, stdout } = run(launcher, '--version');
  assert.deepEqual([status, stdout], [0, '0.1.0\n']);
});

test('a link of the name mosquitto_pub is that tool, and speaks MQTT 3.1.1', { timeout: 60_000 }, async () => {
  await using directory = await tempDirectory();
  await using broker = await launchBroker();
  const [pub, sub] = ['mosquitto_pub', 'mosquitto_sub'].map((name) => join(directory.path, name));
  for (const link of [pub, sub]) await symlink(launcher, link);
  const subscriber = await WireClient.open(broker.target());
  await subscriber.connect({ clientId: 'subscriber' });
  await subscriber.subscribe('linked');
  const { host, port } = broker.target();
  const { status, stderr } = run(pub, '-h', host, '-p', String(port), '-t', 'linked', '-m', 'x', '-d');
  assert.equal(status, 0, stderr);
  assert.match(stderr, /with MQTT 3\.1\.1 /);
  assert.equal((await subscriber.receive()).topic, 'linked');
  await subscriber.cut();
  assert.match(run(sub, '--help').stdout, /Usage: wrenmq sub/);
});

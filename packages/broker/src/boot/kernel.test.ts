import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { ReasonCode } from '@wrenmq/codec';
import { FakeClock, tempDirectory } from '@wrenmq/testkit';
import { OperationalError } from '#base/errors.ts';
import { silentLogger } from '#base/logger.ts';
import { loadConfig } from '#config/load-config.ts';
import { Hooks } from '#hooks/hooks.ts';
import { createMessage } from '#message/message.ts';
import { drainReasonCode, Kernel } from './kernel.ts';

const entrance = { enter: () => null, leave: () => {} };

async function open(t: TestContext, settings: object = {}) {
  const directory = await tempDirectory('wrenmq-kernel-');
  t.after(() => directory.remove());
  const { config } = loadConfig({ overrides: { durability: 'memory', dataDirectory: directory.path, ...settings } });
  const failures: OperationalError[] = [];
  const clock = new FakeClock();
  const options = {
    config,
    clock,
    log: silentLogger,
    hooks: new Hooks(silentLogger),
    onStoreFailed: (error: OperationalError) => void failures.push(error),
  };
  const kernel = await Kernel.open(options);
  await kernel.load();
  return { kernel, clock, config, failures };
}

function retained(topic: string, messageExpiryInterval?: number) {
  const properties = messageExpiryInterval === undefined ? {} : { properties: { messageExpiryInterval } };
  return createMessage({
    topic,
    payload: 'x',
    qos: 1,
    retain: true,
    ...properties,
    publisher: 'p',
    receivedAtMs: new FakeClock().wallMs(),
  });
}

test('after a failed store the kernel closes without waiting for what can never be written', async (t) => {
  const { kernel, failures } = await open(t);
  const failed = new OperationalError('store.failed', 'the flush failed');
  kernel.store.commit = () => Promise.reject(failed);
  kernel.publisher.publish(retained('a'), null, null);
  while (failures.length === 0) await new Promise(setImmediate);
  assert.deepEqual(failures, [failed]);
  await kernel.close(true);
});

test('an orderly close leaves no timer behind', async (t) => {
  const { kernel, clock } = await open(t);
  kernel.table.start();
  kernel.startSweeping();
  assert.ok(clock.pending > 0);
  await kernel.close();
  assert.equal(clock.pending, 0);
});

test('expired retained messages are swept away once a minute, and only while the kernel is open', async (t) => {
  const { kernel, clock } = await open(t);
  kernel.startSweeping();
  kernel.publisher.publish(retained('short', 30), null, null);
  kernel.publisher.publish(retained('lasting'), null, null);
  await kernel.committer.durable();
  assert.equal(kernel.retained.count, 2);
  clock.advance(60_000);
  while (kernel.retained.count === 2) await new Promise(setImmediate);
  assert.equal(kernel.retained.count, 1);
  await kernel.close();
});

test('what clients hear when the broker stops is configured', async (t) => {
  const { kernel, config } = await open(t);
  assert.equal(drainReasonCode(config), ReasonCode.ServerShuttingDown);
  const codes = { useAnotherServer: ReasonCode.UseAnotherServer, serverMoved: ReasonCode.ServerMoved };
  for (const [reasonCode, code] of Object.entries(codes)) {
    const { config: draining } = loadConfig({ overrides: { drain: { reasonCode, serverReference: 'other' } } });
    assert.equal(drainReasonCode(draining), code);
  }
  await kernel.close();
});

test('the capabilities of the configuration reach the connections', async (t) => {
  const { kernel, config } = await open(t, { mqtt: { maximumQoS: 1, retainAvailable: false } });
  const { capabilities, limits, listener } = kernel.connectionServices(config, { isLoopback: true, port: 1883 }, entrance);
  assert.deepEqual([capabilities.maximumQoS, capabilities.retainAvailable, listener.isLoopback], [1, false, true]);
  assert.equal(limits.packetBytesMax, config.limits.packetBytesMax);
  await kernel.close();
});

test('assigned client identifiers are all different', async (t) => {
  const { kernel, config } = await open(t);
  const { assignClientId } = kernel.connectionServices(config, { isLoopback: true, port: 1883 }, entrance);
  assert.equal(new Set(Array.from({ length: 100 }, assignClientId)).size, 100);
  await kernel.close();
});

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDirectory, WireClient } from '@wrenmq/testkit';
import { BrokerProcess } from './broker-process.ts';

test('a session that a clean start has replaced does not come back after a kill [MQTT-3.1.2-4]', { timeout: 60_000 }, async () => {
  await using directory = await tempDirectory();
  for (let round = 1; round <= 5; round += 1) {
    const broker = await BrokerProcess.start({ target: 'wrenmq', directory: join(directory.path, 'data') });
    assert.equal(await broker.whenReady, 'ready', broker.output);
    const durable = await WireClient.open(broker.wire, 4);
    assert.equal((await durable.connect({ clientId: 'c', clean: false })).sessionPresent, false, `round ${round}`);
    await durable.subscribe('a');
    await durable.cut();
    const clean = await WireClient.open(broker.wire, 4);
    await clean.connect({ clientId: 'c', clean: true });
    await broker.kill('SIGKILL');
    await clean.whenClosed;
  }
});

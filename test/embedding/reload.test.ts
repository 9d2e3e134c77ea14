import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBroker } from '@wrenmq/broker';
import { loadConfig } from '@wrenmq/broker/administration';
import { connectAsync } from 'mqtt';

const off = { enabled: false };
const settings = {
  durability: 'memory',
  listeners: { tcp: { bind: '127.0.0.1:0' }, ws: off, tls: off, tls1884: off, wss: off },
  admin: off,
};

function configured(changes: object) {
  return loadConfig({ overrides: { ...settings, ...changes } });
}

test('a new configuration holds for new connections and for permissions at once, and disconnects nobody', async () => {
  const broker = createBroker({ config: configured({}) });
  const bound = await broker.start();
  const url = `mqtt://127.0.0.1:${bound.listeners[0].port}`;
  const client = await connectAsync(url, { protocolVersion: 5, clientId: 'already-here-with-a-long-name' });
  try {
    const rules = [
      { permission: 'deny', action: 'publish', topics: ['closed/#'] },
      { permission: 'allow', action: 'all', topics: ['#'] },
    ];
    await broker.reload(configured({ limits: { clientIdBytesMax: 23 }, authorization: { rules } }));
    await client.publishAsync('open/a', 'x', { qos: 1 });
    await assert.rejects(client.publishAsync('closed/a', 'x', { qos: 1 }), /Not authorized/);
    const refused = connectAsync(url, { protocolVersion: 5, clientId: 'new-with-a-very-long-name', reconnectPeriod: 0 });
    await assert.rejects(refused, /Client Identifier not valid/);
    assert.ok(client.connected);
  } finally {
    await client.endAsync(true);
    await broker.stop();
  }
});

test('a configuration that cannot be used changes nothing', async () => {
  const broker = createBroker({ config: configured({}) });
  const bound = await broker.start();
  const client = await connectAsync(`mqtt://127.0.0.1:${bound.listeners[0].port}`, { protocolVersion: 5 });
  try {
    const unusable = configured({ authorization: { rules: [{ permission: 'deny', action: 'all', topics: ['a%c'] }] } });
    await assert.rejects(broker.reload(unusable), /whole level/);
    await client.publishAsync('a', 'x', { qos: 1 });
  } finally {
    await client.endAsync(true);
    await broker.stop();
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMessage } from '#message/message.ts';
import { rewriteMessage } from './rewrite-message.ts';

const original = createMessage({
  topic: 'a',
  payload: 'payload',
  qos: 1,
  retain: true,
  properties: { messageExpiryInterval: 60, contentType: 'text/plain', userProperties: [['key', 'value']] },
  publisher: 'client',
  delay: 5,
  receivedAtMs: 1000,
});

test('what is not changed stays, the time of expiry too', () => {
  const { topic, qos, retain, delay, publisher, receivedAtMs, expiresAtMs, payload, properties } = rewriteMessage(original, { topic: 'b' });
  assert.deepEqual(
    { topic, qos, retain, delay, publisher, receivedAtMs, expiresAtMs, payload: payload.toString(), properties },
    {
      topic: 'b',
      qos: 1,
      retain: true,
      delay: 5,
      publisher: 'client',
      receivedAtMs: 1000,
      expiresAtMs: 61_000,
      payload: 'payload',
      properties: original.properties,
    },
  );
});

test('everything can be changed, and the given message stays as it is', () => {
  const changed = rewriteMessage(original, { payload: 'x', qos: 2, retain: false, properties: { contentType: 'application/json' } });
  assert.deepEqual([changed.payload.toString(), changed.qos, changed.retain, changed.expiresAtMs], ['x', 2, false, 0]);
  assert.equal(changed.properties.contentType, 'application/json');
  assert.deepEqual([original.payload.toString(), original.qos], ['payload', 1]);
});

test('a message without properties stays without', () => {
  const bare = createMessage({ topic: 'a', publisher: 'client', receivedAtMs: 0 });
  const changed = rewriteMessage(bare, { topic: 'b' });
  assert.equal(changed.propertiesEnd - changed.propertiesStart, 0);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '@wrenmq/broker/administration';
import { banner } from './describe-start.ts';

const place = { name: 'tcp', kind: 'tcp', address: '127.0.0.1', port: 1883 } as const;
const loaded = loadConfig({ overrides: { dataDirectory: '/var/lib/wrenmq' } });

test('the banner tells where everything is and how to try it', () => {
  const text = banner({ listeners: [place], admin: { address: '::1', port: 18083 }, certificateAuthority: null }, loaded);
  assert.match(text, /tcp \(tcp\) +127\.0\.0\.1:1883/);
  assert.match(text, /http:\/\/\[::1\]:18083/);
  assert.match(text, /\/var\/lib\/wrenmq/);
  assert.match(text, /mosquitto_pub -h 127\.0\.0\.1 -t/);
});

test('the banner names the port for a listener that is not on 1883, and a socket by its path', () => {
  const listeners = [{ ...place, port: 4711 }, { name: 'local', kind: 'tcp', address: '/run/wrenmq.sock', port: 0 } as const];
  const text = banner({ listeners, admin: null, certificateAuthority: null }, loaded);
  assert.match(text, /-p 4711/);
  assert.match(text, /tcp \(local\) +\/run\/wrenmq\.sock\n/);
});

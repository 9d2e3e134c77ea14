import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokerAddress } from './broker-address.ts';
import type { ConnectionFlags } from './connection-flags.ts';

const CASES: readonly (readonly [flags: ConnectionFlags, url: string, more?: object])[] = [
  [{}, 'mqtt://localhost:1883'],
  [{ host: 'h', port: '1' }, 'mqtt://h:1'],
  [{ host: '::1' }, 'mqtt://[::1]:1883'],
  [{ port: '8883' }, 'mqtts://localhost:8883'],
  [{ port: '8883', tls: false }, 'mqtt://localhost:8883'],
  [{ cafile: 'ca' }, 'mqtts://localhost:8883'],
  [{ cafile: 'ca', port: '1' }, 'mqtts://localhost:1'],
  [{ psk: 'aa' }, 'mqtts://localhost:8883'],
  [{ tlsUseOsCerts: true }, 'mqtts://localhost:8883'],
  [{ ws: true }, 'ws://localhost:8083/mqtt'],
  [{ ws: '/here' }, 'ws://localhost:8083/here'],
  [{ ws: 'here', cafile: 'ca' }, 'wss://localhost:8084/here'],
  [{ unix: '/run/a b#.sock' }, 'unix:///run/a%20b%23.sock'],
  [{ url: 'mqtt://h' }, 'mqtt://h:1883'],
  [{ url: 'mqtt://h/' }, 'mqtt://h:1883'],
  [{ url: 'mqtts://h/a/+/#' }, 'mqtts://h:8883', { topic: 'a/+/#' }],
  [{ url: 'mqtt://u:p%40%3A@h:1/t' }, 'mqtt://h:1', { topic: 't', username: 'u', password: 'p@:' }],
  [{ url: 'mqtt://u@h' }, 'mqtt://h:1883', { username: 'u' }],
  [{ url: 'mqtt://u:100%@h' }, 'mqtt://h:1883', { username: 'u', password: '100%' }],
  [{ url: 'mqtt://[::1]:2' }, 'mqtt://[::1]:2'],
  [{ url: 'wss://h/mqtt' }, 'wss://h:8084/mqtt'],
  [{ url: 'ws://h:8083' }, 'ws://h:8083/mqtt'],
  [{ url: 'mqtt://h:1', port: '2' }, 'mqtt://h:2'],
];

for (const [flags, url, more] of CASES)
  test(`${JSON.stringify(flags)} is ${url}`, () => {
    const { isSecure, ...rest } = brokerAddress(flags);
    assert.deepEqual(rest, { url, username: undefined, password: undefined, topic: undefined, ...more });
    assert.equal(isSecure, /^(mqtts|wss):/.test(url));
  });

for (const url of ['h:1883', 'http://h', 'mqtt:h', ''])
  test(`-L '${url}' is refused`, () => assert.throws(() => brokerAddress({ url }), { exitCode: 2 }));
for (const port of ['x', '65536', '-1', '1.5', ''])
  test(`-p '${port}' is refused`, () => assert.throws(() => brokerAddress({ port }), { exitCode: 2 }));

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '#config/load-config.ts';
import type { Config } from '#config/schema.ts';
import { listenerOptionsOf, needsOwnCertificate } from './listener-plan.ts';

const off = { enabled: false };
const own = { certPath: '/data/tls/server.pem', keyPath: '/data/tls/server-key.pem' };

function configOf(listeners: object, others: object = {}): Config {
  return loadConfig({ overrides: { dataDirectory: '/data', listeners, ...others } }).config;
}

test('the own certificate is needed for enabled TLS listeners without one of their own', () => {
  const allOff = { tcp: {}, ws: {}, tls: off, tls1884: off, wss: off };
  assert.equal(needsOwnCertificate(configOf(allOff)), false);
  assert.equal(needsOwnCertificate(configOf({ ...allOff, wss: { bind: '127.0.0.1:0' } })), true);
  const certificate = { tls: { cert: '/own/cert.pem', key: '/own/key.pem' } };
  assert.equal(needsOwnCertificate(configOf({ ...allOff, wss: { bind: '127.0.0.1:0', ...certificate } })), false);
});

test('a TCP listener has neither TLS nor WebSocket, and takes some connections more than clients, to refuse them with an answer', () => {
  const options = listenerOptionsOf('tcp', configOf({ tcp: { bind: '127.0.0.1:0', connectionsMax: 7 } }), null);
  assert.deepEqual([options.kind, options.name, options.connectionsMax, options.tls, options.websocket], ['tcp', 'tcp', 1007, null, null]);
});

test('a TLS listener takes its own certificate, or the one that the broker made, and more by server name', () => {
  const made = listenerOptionsOf('tls', configOf({}), own).tls;
  assert.deepEqual(made?.certificates, [{ ...own, keyPassphrase: null, serverNames: [] }]);
  const sni = { 'mqtt.example.org': { cert: '/sni/cert.pem', key: '/sni/key.pem' } };
  const configured = listenerOptionsOf('tls', configOf({ tls: { tls: { cert: '/c.pem', key: '/k.pem', sni } } }), null).tls;
  assert.deepEqual(configured?.certificates, [
    { certPath: '/c.pem', keyPath: '/k.pem', keyPassphrase: null, serverNames: [] },
    { certPath: '/sni/cert.pem', keyPath: '/sni/key.pem', keyPassphrase: null, serverNames: ['mqtt.example.org'] },
  ]);
});

test('what is said of TLS and of sockets reaches the listener', () => {
  const tls = { cert: '/c.pem', key: '/k.pem', keyPassphrase: 'secret', ciphers: 'HIGH', alpn: ['mqtt'] };
  const listener = { bind: '127.0.0.1:0', tls, tcpKeepAlive: '2m', tcpNoDelay: false };
  const config = configOf({ tls: listener, wss: { ...listener, bind: '127.0.0.1:0' } });
  const options = listenerOptionsOf('tls', config, null);
  assert.deepEqual([options.tcpKeepAlive, options.tcpNoDelay], [120, false]);
  assert.deepEqual([options.tls?.certificates[0].keyPassphrase, options.tls?.ciphers, options.tls?.alpn], ['secret', 'HIGH', ['mqtt']]);
  assert.deepEqual(listenerOptionsOf('wss', config, null).tls?.alpn, [], 'ALPN would have to name HTTP');
});

test('a WebSocket frame may be as large as a packet, and its own bytes', () => {
  const { websocket } = listenerOptionsOf('ws', configOf({ ws: { bind: '127.0.0.1:0' } }, { limits: { packetBytesMax: '2MiB' } }), null);
  assert.ok(websocket !== null && websocket.frameBytesMax > 2 * 1024 * 1024 && websocket.frameBytesMax < 2 * 1024 * 1024 + 100);
});

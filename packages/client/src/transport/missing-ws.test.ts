import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { test } from 'node:test';
import { openTransport } from './open-transport.ts';
import type { TransportObserver } from './transport.ts';

// As on a machine where nobody has installed it.
registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'ws') throw Object.assign(new Error("Cannot find package 'ws'"), { code: 'ERR_MODULE_NOT_FOUND' });
    return next(specifier, context);
  },
});

const observer: TransportObserver = { onData: () => undefined, onDrain: () => undefined, onClose: () => undefined };

test('what needs the package ws says so where it is missing', async () => {
  const { signal } = new AbortController();
  const withHeaders = openTransport({ url: new URL('ws://127.0.0.1:1/mqtt'), signal, headers: { authorization: 'x' } }, observer);
  await assert.rejects(withHeaders, {
    code: 'INVALID',
    message: 'websocket.headers over a WebSocket needs the package ws: npm install ws',
  });
  const withTls = openTransport({ url: new URL('wss://127.0.0.1:1/mqtt'), signal, headers: {}, tls: { ca: 'x' } }, observer);
  await assert.rejects(withTls, { code: 'INVALID', message: /^tls options/ });
  const ownWebSocket = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket')!;
  try {
    Reflect.deleteProperty(globalThis, 'WebSocket');
    await assert.rejects(openTransport({ url: new URL('ws://127.0.0.1:1/mqtt'), signal }, observer), {
      code: 'INVALID',
      message: /Node\.js/,
    });
  } finally {
    Object.defineProperty(globalThis, 'WebSocket', ownWebSocket);
  }
  // What Node's own can do needs no package.
  await assert.rejects(openTransport({ url: new URL('ws://127.0.0.1:1/mqtt'), signal, tls: {}, headers: {} }, observer), {
    code: 'DISCONNECTED',
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOriginAllowed } from './websocket-origin.ts';

const local = { host: 'localhost:8083', isLoopback: true };
const remote = { host: 'mqtt.example.org:8083', isLoopback: false };

test('clients that are no browsers send no Origin and may connect', () => {
  assert.ok(isOriginAllowed([], { origin: undefined, ...local }));
  assert.ok(isOriginAllowed(['https://app.example'], { origin: undefined, ...remote }));
});

test('on loopback only pages of this machine may connect, even when a foreign name resolves to it', () => {
  for (const origin of ['http://localhost:3000', 'http://127.0.0.1', 'https://[::1]:8443']) {
    assert.ok(isOriginAllowed([], { origin, ...local }), origin);
  }
  assert.ok(!isOriginAllowed([], { origin: 'https://evil.example', ...local }));
  assert.ok(!isOriginAllowed([], { origin: 'http://evil.example:8083', host: 'evil.example:8083', isLoopback: true }));
  assert.ok(!isOriginAllowed([], { origin: 'null', ...local }));
});

test('elsewhere pages of the same host may connect', () => {
  assert.ok(isOriginAllowed([], { origin: 'https://mqtt.example.org', ...remote }));
  assert.ok(!isOriginAllowed([], { origin: 'https://example.org', ...remote }));
  assert.ok(!isOriginAllowed([], { origin: 'http://localhost', ...remote }));
});

test('a list replaces the default, and * admits every page', () => {
  assert.ok(isOriginAllowed(['https://app.example'], { origin: 'https://app.example', ...local }));
  assert.ok(!isOriginAllowed(['https://app.example'], { origin: 'http://localhost', ...local }));
  assert.ok(isOriginAllowed(['*'], { origin: 'https://evil.example', ...local }));
});

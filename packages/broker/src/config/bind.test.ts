import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, isLoopback } from '#base/bind-address.ts';
import { parseBind } from './bind.ts';
import { Fault } from './units.ts';

test('a bare port is a port of this machine only', () => {
  assert.deepEqual(parseBind('1883'), { host: '127.0.0.1', port: 1883 });
  assert.deepEqual(parseBind(1883), { host: '127.0.0.1', port: 1883 });
});

test('addresses, names, all addresses and Unix sockets are read', () => {
  assert.deepEqual(parseBind('127.0.0.1:0'), { host: '127.0.0.1', port: 0 });
  assert.deepEqual(parseBind('[::1]:1883'), { host: '::1', port: 1883 });
  assert.deepEqual(parseBind('[fe80::1%eth0]:1883'), { host: 'fe80::1%eth0', port: 1883 });
  assert.deepEqual(parseBind('LocalHost:1883'), { host: 'localhost', port: 1883 });
  assert.deepEqual(parseBind('broker.example.org:8883'), { host: 'broker.example.org', port: 8883 });
  assert.deepEqual(parseBind('*:1883'), { host: '::', port: 1883 });
  assert.deepEqual(parseBind('unix:/run/wrenmq.sock'), { path: '/run/wrenmq.sock' });
});

test('what is no address is refused with a way to write it', () => {
  const wrong: [unknown, RegExp][] = [
    ['', /is not an address/],
    [null, /is not an address/],
    [1.5, /has no port/],
    [-1, /has no port/],
    [65_536, /ports go from 0/],
    ['localhost', /has no port/],
    ['127.0.0.1:', /has no port/],
    ['127.0.0.1:mqtt', /has no port/],
    ['::1', /brackets, such as \[::1\]:1883/],
    ['fe80::1:1883', /brackets/],
    ['[127.0.0.1]:1883', /is not an IPv6 address in brackets/],
    ['1.2.3:1883', /neither an IP address nor a host name/],
    ['256.1.1.1:1883', /neither an IP address nor a host name/],
    ['a_b c:1883', /neither an IP address nor a host name/],
    [':1883', /neither an IP address nor a host name/],
    ['unix:relative', /absolute path/],
    ['unix:/\0', /zero byte/],
    [`unix:/${'x'.repeat(120)}`, /at most 103 bytes/],
  ];
  for (const [input, message] of wrong) {
    const fault = parseBind(input);
    assert.ok(fault instanceof Fault, String(input));
    assert.match(fault.message, message);
  }
});

test('only what no other machine can reach is loopback', () => {
  const near = ['1883', '127.0.0.1:1', '127.9.9.9:1', '[::1]:1', '[0:0:0:0:0:0:0:1]:1', '[::ffff:127.0.0.1]:1', 'localhost:1', 'unix:/s'];
  const far = [
    '0.0.0.0:1',
    '*:1',
    '[::]:1',
    '10.0.0.1:1',
    '[::ffff:10.0.0.1]:1',
    '[::ffff:0.0.0.0]:1',
    'example.org:1',
    'localhost.example.org:1',
  ];
  for (const text of near) assert.equal(isLoopback(bindOf(text)), true, text);
  for (const text of far) assert.equal(isLoopback(bindOf(text)), false, text);
});

test('an address is written as it was read', () => {
  for (const text of ['127.0.0.1:1883', '[::1]:0', 'localhost:1', 'unix:/run/s']) assert.equal(formatAddress(bindOf(text)), text);
});

function bindOf(text: string) {
  const bind = parseBind(text);
  assert.ok(!(bind instanceof Fault), text);
  return bind;
}

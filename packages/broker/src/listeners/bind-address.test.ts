import assert from 'node:assert/strict';
import test from 'node:test';
import { formatAddress, isLoopback, parseBindAddress } from './bind-address.ts';

const good: [string, unknown][] = [
  ['1883', { host: '127.0.0.1', port: 1883 }],
  ['0', { host: '127.0.0.1', port: 0 }],
  ['127.0.0.1:1883', { host: '127.0.0.1', port: 1883 }],
  ['[::1]:1883', { host: '::1', port: 1883 }],
  ['::1:1883', { host: '::1', port: 1883 }],
  [':::1883', { host: '::', port: 1883 }],
  ['0.0.0.0:1883', { host: '0.0.0.0', port: 1883 }],
  ['localhost:0', { host: 'localhost', port: 0 }],
  ['broker-1.example.org:65535', { host: 'broker-1.example.org', port: 65535 }],
  ['unix:/run/mqtt.sock', { path: '/run/mqtt.sock' }],
];

for (const [text, bind] of good) {
  test(`the bind address '${text}' is understood`, () => assert.deepEqual(parseBindAddress(text), bind));
}

for (const text of [
  '',
  ':1883',
  'x',
  '1883x',
  '-1',
  '65536',
  '127.0.0.1',
  '127.0.0.1:',
  '300.1.1.1:1',
  '1.2.3:1',
  '[::1:1',
  '[127.0.0.1]:1',
  'unix:mqtt.sock',
  `unix:/${'x'.repeat(107)}`,
  'a b:1',
]) {
  test(`the bind address '${text.slice(0, 20)}' is refused with a sentence that quotes it`, () => {
    const problem = parseBindAddress(text);
    assert.equal(typeof problem, 'string');
    assert.ok((problem as string).includes(`'${text}'`));
  });
}

test('only addresses that this machine alone can reach are loopback', () => {
  const isLocal = (text: string): boolean => isLoopback(parseBindAddress(text) as Exclude<ReturnType<typeof parseBindAddress>, string>);
  assert.deepEqual(['1883', '127.8.9.1:1', '[::1]:1', '[::ffff:127.0.0.1]:1', 'localhost:1', 'unix:/a'].map(isLocal), Array(6).fill(true));
  assert.deepEqual(['0.0.0.0:1', ':::1', '10.0.0.1:1', '[fe80::1]:1', 'example.org:1', '128.0.0.1:1'].map(isLocal), Array(6).fill(false));
});

test('an address is written the way it is read', () => {
  for (const text of ['127.0.0.1:1883', '[::1]:1883', 'unix:/a/b']) {
    assert.equal(formatAddress(parseBindAddress(text) as Exclude<ReturnType<typeof parseBindAddress>, string>), text);
  }
});

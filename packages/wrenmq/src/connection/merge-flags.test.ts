import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeFlags } from './merge-flags.ts';

test('a flag is more than the environment, which is more than the context', () => {
  const context = { username: 'context', cafile: 'ca' };
  assert.deepEqual(mergeFlags({}, {}, context), context);
  assert.deepEqual(mergeFlags({}, { WRENMQ_USERNAME: 'env' }, context), { username: 'env', cafile: 'ca' });
  assert.deepEqual(mergeFlags({ username: 'flag' }, { WRENMQ_USERNAME: 'env' }, context), { username: 'flag', cafile: 'ca' });
});

test('an address replaces a whole address, a port only the port', () => {
  const context = { url: 'mqtts://prod', port: '1' };
  assert.deepEqual(mergeFlags({ host: 'h' }, {}, context), { host: 'h' });
  assert.deepEqual(mergeFlags({ port: '2' }, {}, context), { url: 'mqtts://prod', port: '2' });
  assert.deepEqual(mergeFlags({}, { WRENMQ_URL: 'mqtt://e' }, context), { url: 'mqtt://e' });
});

test('one way to the password puts the others aside', () => {
  assert.deepEqual(mergeFlags({ passwordFile: 'f' }, { WRENMQ_PASSWORD: 'e' }, { pw: 'c' }), { passwordFile: 'f' });
  assert.deepEqual(mergeFlags({}, { WRENMQ_PASSWORD: 'e' }, { passwordFile: 'f' }), { pw: 'e' });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { formatPath, parsePath, splitAssignment, variableOf } from './key-path.ts';

test('any path can be written and read again', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1, unit: 'grapheme' }), { minLength: 1, maxLength: 5 }), (path) => {
      assert.deepEqual(parsePath(formatPath(path)), path);
    }),
  );
});

test('an assignment is split at the first equals sign outside quotes', () => {
  assert.deepEqual(splitAssignment('a.b=c=d'), { path: 'a.b', value: 'c=d' });
  assert.deepEqual(splitAssignment('a."x=y".b='), { path: 'a."x=y".b', value: '' });
  assert.equal(splitAssignment('a.b'), null);
});

test('what is no path is none', () => {
  for (const text of ['', '.', 'a.', '.a', 'a..b', '"a', '"a"b', 'a="b"']) assert.equal(parsePath(text), null, text);
});

test('a variable has one word boundary per hump', () => {
  assert.equal(variableOf(['listeners', 'tcp', 'connectionsMax']), 'WRENMQ_LISTENERS__TCP__CONNECTIONS_MAX');
  assert.equal(variableOf(['mqtt', 'maximumQoS']), 'WRENMQ_MQTT__MAXIMUM_QOS');
});

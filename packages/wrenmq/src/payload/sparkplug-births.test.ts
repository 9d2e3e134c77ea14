import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SparkplugBirths } from './sparkplug-births.ts';

test('the edge node that was born first is forgotten when there are too many metrics', () => {
  const births = new SparkplugBirths();
  const metric = { name: 'm', datatype: 1 };
  for (const node of ['a', 'b']) for (let alias = 0n; alias < 50_000n; alias += 1n) births.declare(node, alias, metric);
  assert.deepEqual([births.find('a', 7n), births.find('b', 7n)], [metric, metric]);
  births.declare('b', 7n, metric);
  assert.equal(births.find('a', 7n), metric, 'what is declared again takes no room');
  births.declare('c', 'name', metric);
  assert.deepEqual([births.find('a', 7n), births.find('b', 7n), births.find('c', 'name')], [undefined, metric, metric]);
});

test('an edge node that is born again has forgotten its earlier life', () => {
  const births = new SparkplugBirths();
  births.declare('a', 1n, { name: 'm', datatype: 1 });
  births.begin('a');
  assert.equal(births.find('a', 1n), undefined);
});

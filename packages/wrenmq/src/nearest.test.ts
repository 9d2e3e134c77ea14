import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from './nearest.ts';

test('the nearest word is the one with the fewest changes; a swap is one', () => {
  const words = ['publish', 'subscribe', 'connect', 'will'];
  assert.equal(nearest('publsih', words), 'publish');
  assert.equal(nearest('Conect', words), 'connect');
  assert.equal(nearest('wil', words), 'will');
  assert.equal(nearest('something', words), undefined);
  assert.equal(nearest('', words), undefined);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryStore } from './memory-store.ts';

test('the memory store is not durable, has nothing, and takes nothing', async () => {
  const store = memoryStore();
  assert.equal(store.isDurable, false);
  await store.append([{ op: 'session', state: 'new' }]);
  const { ops, existed } = await store.open('c');
  assert.equal(existed, false);
  for await (const op of ops) assert.fail(`it gave back ${op.op}`);
  await store.close();
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Emitter } from './emitter.ts';

interface Events {
  news: { readonly value: number };
  error: { readonly error: unknown };
}

test('every listener gets every event until it is taken away', () => {
  const emitter = new Emitter<Events>();
  const seen: string[] = [];
  const abortion = new AbortController();
  emitter.on('news', ({ value }) => seen.push(`a${value}`));
  emitter.on('news', ({ value }) => seen.push(`b${value}`), { signal: abortion.signal });
  emitter.on('news', ({ value }) => seen.push(`c${value}`), { once: true });
  emitter.emit('news', { value: 1 });
  abortion.abort();
  emitter.emit('news', { value: 2 });
  emitter.on('news', () => seen.push('never'), { signal: abortion.signal });
  emitter.emit('news', { value: 3 });
  assert.deepEqual(seen, ['a1', 'b1', 'c1', 'a2', 'a3']);
});

test('a listener that throws hurts nobody: it is an error event, which nobody has to hear', () => {
  const emitter = new Emitter<Events>();
  const seen: unknown[] = [];
  emitter.on('news', () => {
    throw new Error('listener');
  });
  emitter.on('news', ({ value }) => seen.push(value));
  emitter.emit('news', { value: 1 });
  emitter.on('error', ({ error }) => {
    seen.push((error as Error).message);
    throw new Error('and again');
  });
  emitter.emit('news', { value: 2 });
  assert.deepEqual(seen, [1, 'listener', 2]);
});

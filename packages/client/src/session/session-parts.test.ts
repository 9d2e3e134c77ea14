import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUtf8 } from '@wrenmq/codec';
import fc from 'fast-check';
import { Deque } from '#base/deque.ts';
import { IdentifierGroups } from './identifier-groups.ts';
import { OutputBuffer } from './output-buffer.ts';
import { PacketIds } from './packet-ids.ts';
import { TopicNames } from './topic-names.ts';

const runs = { seed: 1, numRuns: 300 };

test('a deque does what an array does', () => {
  const action = fc.constantFrom('push', 'push', 'unshift', 'shift', 'drain' as const);
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const deque = new Deque<number>();
      const model: number[] = [];
      for (const [value, name] of actions.entries()) {
        if (name === 'shift') assert.equal(deque.shift(), model.shift());
        else if (name === 'drain' && value % 7 === 0) assert.deepEqual(deque.drain(), model.splice(0));
        else if (name === 'push') {
          deque.push(value);
          model.push(value);
        } else if (name === 'unshift') {
          deque.unshift(value);
          model.unshift(value);
        }
        assert.equal(deque.length, model.length);
        assert.equal(deque.first, model[0]);
        if (model.length > 0) assert.equal(deque.at(model.length - 1), model.at(-1));
      }
    }),
    runs,
  );
});

test('packet identifiers are distinct while they are taken, small, and all 65,535 of them can be', () => {
  const ids = new PacketIds<string>();
  for (let expected = 1; expected <= 0xffff; expected++) assert.equal(ids.take('owner'), expected);
  assert.equal(ids.take('one too many'), 0);
  ids.release(7);
  assert.equal(ids.owner(7), undefined);
  assert.equal(ids.take('again'), 7);
  assert.equal(ids.owner(7), 'again');
});

test('packet identifiers that are claimed stay taken, the lowest free ones come first', () => {
  const ids = new PacketIds<string>();
  ids.claim(5, 'five');
  ids.claim(2, 'two');
  ids.settle();
  assert.deepEqual(ids.entries(), [
    [2, 'two'],
    [5, 'five'],
  ]);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => ids.take('x')),
    [1, 3, 4, 6],
  );
});

/** Whether a topic matches a filter, in the plainest way. */
function matches(filter: readonly string[], topic: readonly string[]): boolean {
  if (filter[0] === '#') return true;
  if (filter.length === 0 || topic.length === 0) return filter.length === topic.length;
  return (filter[0] === '+' || filter[0] === topic[0]) && matches(filter.slice(1), topic.slice(1));
}

test('two filters that match one topic have different identifiers, whatever comes and goes', () => {
  const level = fc.constantFrom('a', 'b', '');
  const filter = fc
    .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 3 }), fc.boolean(), fc.boolean())
    .map(([levels, isMulti, isShared]) => `${isShared ? '$share/g/' : ''}${[...levels, ...(isMulti ? ['#'] : [])].join('/')}`);
  fc.assert(
    fc.property(fc.array(filter, { maxLength: 40 }), fc.array(level, { minLength: 1, maxLength: 3 }), (filters, topic) => {
      const groups = new IdentifierGroups();
      const held = new Map<string, number>();
      for (const each of filters) {
        const identifier = held.get(each);
        if (identifier === undefined) {
          held.set(each, groups.allot(each));
        } else {
          groups.release(each, identifier);
          held.delete(each);
        }
      }
      const levels = (each: string): string[] => each.replace('$share/g/', '').split('/');
      const matching = [...held].filter(([each]) => matches(levels(each), topic));
      assert.equal(new Set(matching.map(([, identifier]) => identifier)).size, matching.length);
    }),
    { ...runs, numRuns: 2_000 },
  );
});

test('an identifier is shared by 64 filters at most, and free again after the last of them', () => {
  const groups = new IdentifierGroups();
  const identifiers = Array.from({ length: 130 }, (_, index) => groups.allot(`a/${index}`));
  assert.deepEqual(
    [1, 2, 3].map((identifier) => identifiers.filter((each) => each === identifier).length),
    [64, 64, 2],
  );
  groups.release('a/0', 1);
  assert.equal(groups.allot('b'), 1);
  for (const [index, identifier] of identifiers.entries()) groups.release(`a/${index}`, identifier);
  groups.release('b', 1);
  assert.equal(groups.allot('c'), 4);
});

test('an output buffer gives what was put in, and never writes into what it gave', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(300), fc.boolean()), { maxLength: 50 }), (writes) => {
      const buffer = new OutputBuffer();
      const taken: Uint8Array[] = [];
      const expected: number[] = [];
      for (const [index, [length, isTaken]] of writes.entries()) {
        buffer.append(new Uint8Array(length).fill(index));
        for (let count = 0; count < length; count++) expected.push(index);
        const bytes = isTaken ? buffer.take() : undefined;
        if (bytes !== undefined) taken.push(bytes);
      }
      const last = buffer.take();
      if (last !== undefined) taken.push(last);
      assert.deepEqual(
        taken.flatMap((bytes) => [...bytes]),
        expected,
      );
    }),
    runs,
  );
});

test('topic names come out as they went in, however many there are', () => {
  const names = new TopicNames();
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < 5_000; index++) {
      const text = `ä/${index}/${'x'.repeat(index % 300)}`;
      const bytes = encodeUtf8(text);
      assert.equal(names.decode(bytes, 0, bytes.length), text);
    }
  }
});

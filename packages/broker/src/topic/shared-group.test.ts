import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '@wrenmq/testkit/seeded-random.ts';
import { hashText, SharedGroup } from './shared-group.ts';

const anyone = (): boolean => true;

function groupOf(...members: string[]): SharedGroup<string> {
  const group = new SharedGroup<string>('g', 'a');
  for (const member of members) group.join(member);
  return group;
}

test('members take turns', () => {
  const group = groupOf('x', 'y', 'z');
  assert.deepEqual(Array.from({ length: 7 }, () => group.pick(anyone)).join(''), 'xyzxyzx');
});

test('who cannot take is passed over, and nobody is picked when nobody can', () => {
  const group = groupOf('x', 'y', 'z');
  const asked: string[] = [];
  assert.equal(
    group.pick((member) => asked.push(member) > 1 && member === 'z'),
    'z',
  );
  assert.deepEqual(asked, ['x', 'y', 'z']);
  assert.equal(
    group.pick(() => false),
    null,
  );
  assert.equal(group.pick(anyone), 'x', 'the turn did not move');
  assert.equal(groupOf().pick(anyone), null);
});

test('the turn survives it when the member who was picked last leaves', () => {
  const group = groupOf('x', 'y', 'z');
  assert.equal(group.pick(anyone), 'x');
  assert.equal(group.pick(anyone), 'y');
  assert.equal(group.leave('y'), true);
  assert.equal(group.leave('y'), false);
  assert.equal(group.pick(anyone), 'z');
  assert.equal(group.pick(anyone), 'x');
});

test('a new member waits until everybody else had a turn', () => {
  const group = groupOf('x', 'y');
  assert.equal(group.pick(anyone), 'x');
  assert.equal(group.join('n'), true);
  assert.equal(group.join('n'), false);
  assert.deepEqual(Array.from({ length: 4 }, () => group.pick(anyone)).join(''), 'yxny');
  assert.deepEqual([...group.members], ['x', 'y', 'n']);
});

test('whatever happens, a round asks every member exactly once', () => {
  const random = seededRandom(1);
  const step = fc.tuple(fc.constantFrom('join', 'leave', 'pick', 'replace', 'random', 'least'), fc.integer({ min: 0, max: 6 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const group = new SharedGroup<number>('g', 'a');
      const model = new Set<number>();
      for (const [verb, member] of steps) {
        if (verb === 'join') assert.equal(group.join(member), !model.has(member) && model.add(member) === model);
        else if (verb === 'leave') assert.equal(group.leave(member), model.delete(member));
        else if (verb === 'replace') {
          const isReplaced = model.has(member) && !model.has(member + 1);
          assert.equal(group.replace(member, member + 1), isReplaced);
          if (isReplaced) model.delete(member);
          if (isReplaced) model.add(member + 1);
        } else if (verb === 'random') assert.equal(group.pickRandom(random, anyone) === null, model.size === 0);
        else if (verb === 'least') assert.equal(group.pickLeast((one) => one % 3, anyone) === null, model.size === 0);
        else assert.equal(group.pick(anyone) === null, model.size === 0);
        assert.equal(group.isEmpty, model.size === 0);
        assert.equal(group.size, model.size);
        assert.equal(group.has(member), model.has(member));
        const asked: number[] = [];
        group.pick((one) => asked.push(one) < 0);
        assert.deepEqual(new Set(asked), model);
        assert.equal(asked.length, model.size);
        const askedAtRandom: number[] = [];
        group.pickRandom(random, (one) => askedAtRandom.push(one) < 0);
        assert.deepEqual(new Set(askedAtRandom), model);
        assert.equal(askedAtRandom.length, model.size);
      }
    }),
  );
});

test('a member can be replaced where it stands', () => {
  const group = groupOf('x', 'y', 'z');
  assert.equal(group.pick(anyone), 'x');
  assert.equal(group.replace('y', 'n'), true);
  assert.equal(group.replace('y', 'm'), false, 'it is gone');
  assert.equal(group.replace('x', 'z'), false, 'it is there already');
  assert.deepEqual(Array.from({ length: 3 }, () => group.pick(anyone)).join(''), 'nzx');
  assert.deepEqual(new Set(group.members), new Set(['x', 'n', 'z']));
});

test('the least loaded member is picked, and at the same load they take turns', () => {
  const group = groupOf('x', 'y', 'z');
  const load: Record<string, number> = { x: 2, y: 2, z: 2 };
  const pick = (canTake: (member: string) => boolean = anyone): string | null => group.pickLeast((member) => load[member], canTake);
  assert.deepEqual([pick(), pick(), pick(), pick()].join(''), 'xyzx');
  load['z'] = 1;
  assert.deepEqual([pick(), pick()].join(''), 'zz');
  assert.equal(
    pick((member) => member !== 'z'),
    'x',
  );
  assert.equal(
    pick(() => false),
    null,
  );
  Object.assign(load, { x: 0, y: 0, z: 0 });
  assert.deepEqual([pick(), pick(), pick()].join(''), 'yzx', 'an idle one needs no comparison');
});

test('at random everybody who can take is picked as often as the others', () => {
  const group = groupOf('a', 'b', 'c', 'd', 'e');
  const random = seededRandom(7);
  const counts: Record<string, number> = {};
  for (let i = 0; i < 8000; i += 1) {
    const member = group.pickRandom(random, (one) => one !== 'c')!;
    counts[member] = (counts[member] ?? 0) + 1;
  }
  assert.deepEqual(Object.keys(counts).sort(), ['a', 'b', 'd', 'e']);
  for (const [member, count] of Object.entries(counts)) assert.ok(Math.abs(count - 2000) < 200, `${member} ${count} of 8000`);
});

/** Which of the keys every member has. */
function keysOf(group: SharedGroup<string>, keys: number): Map<number, string> {
  return new Map(Array.from({ length: keys }, (_, key) => [key, group.pickByKey(hashText(`topic/${key}`), anyone)!]));
}

function hashed(names: readonly string[]): SharedGroup<string> {
  const group = new SharedGroup<string>('g', 'a');
  for (const name of names) group.join(name, hashText(name));
  return group;
}

test('keys are spread evenly over the members, in whatever order these joined', () => {
  const names = Array.from({ length: 10 }, (_, i) => `worker-${i}`);
  const keys = keysOf(hashed(names), 20_000);
  const counts = new Map<string, number>();
  for (const name of keys.values()) counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const [name, count] of counts) assert.ok(Math.abs(count - 2000) < 200, `${name} has ${count} of 20000`);
  assert.deepEqual(keysOf(hashed(names.toReversed()), 20_000), keys);
});

test('a member that joins or leaves moves only its own share of the keys', () => {
  const names = Array.from({ length: 10 }, (_, i) => `worker-${i}`);
  const group = hashed(names);
  const before = keysOf(group, 20_000);
  group.join('new', hashText('new'));
  const joined = keysOf(group, 20_000);
  const moved = [...joined].filter(([key, name]) => before.get(key) !== name);
  assert.ok(moved.every(([, name]) => name === 'new'));
  assert.ok(Math.abs(moved.length - 20_000 / 11) < 200, `${moved.length} of 20000 moved`);
  group.leave('new');
  assert.deepEqual(keysOf(group, 20_000), before);
  group.leave('worker-3');
  for (const [key, name] of keysOf(group, 20_000)) if (before.get(key) !== 'worker-3') assert.equal(name, before.get(key));
});

test('a key whose member cannot take goes to one other, always the same', () => {
  const group = hashed(['a', 'b', 'c', 'd']);
  const key = hashText('t');
  const first = group.pickByKey(key, anyone)!;
  const second = group.pickByKey(key, (member) => member !== first)!;
  assert.notEqual(second, first);
  assert.equal(
    group.pickByKey(key, (member) => member !== first),
    second,
  );
  assert.equal(
    group.pickByKey(key, () => false),
    null,
  );
  group.leave(first);
  assert.equal(group.pickByKey(key, anyone), second);
});

test('hashes of texts never change, or members would be chosen anew', () => {
  assert.deepEqual(['', 'a', 'worker-1', 'Grüße'].map(hashText), [2_872_998_923, 444_641_715, 1_525_519_687, 837_503_086]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SharedGroup, SharedGroups } from './shared-group.ts';

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
  const step = fc.tuple(fc.constantFrom('join', 'leave', 'pick'), fc.integer({ min: 0, max: 6 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const group = new SharedGroup<number>('g', 'a');
      const model = new Set<number>();
      for (const [verb, member] of steps) {
        if (verb === 'join') assert.equal(group.join(member), !model.has(member) && model.add(member) === model);
        else if (verb === 'leave') assert.equal(group.leave(member), model.delete(member));
        else assert.equal(group.pick(anyone) === null, model.size === 0);
        assert.equal(group.isEmpty, model.size === 0);
        assert.equal(group.size, model.size);
        assert.equal(group.has(member), model.has(member));
        const asked: number[] = [];
        group.pick((one) => asked.push(one) < 0);
        assert.deepEqual(new Set(asked), model);
        assert.equal(asked.length, model.size);
      }
    }),
  );
});

test('a group exists as long as it has a member', () => {
  const groups = new SharedGroups<string>();
  const group = groups.join('g', 'a/#', 'x');
  assert.equal(groups.join('g', 'a/#', 'y'), group);
  assert.equal(groups.get('g', 'a/#'), group);
  assert.notEqual(groups.join('g', 'b', 'x'), group);
  assert.notEqual(groups.join('h', 'a/#', 'x'), group);
  assert.deepEqual([...groups.all].map((one) => `${one.name} ${one.filter}`).sort(), ['g a/#', 'g b', 'h a/#']);
  assert.equal(groups.leave('g', 'a/#', 'x'), group);
  assert.equal(group.isEmpty, false);
  assert.equal(groups.leave('g', 'a/#', 'x'), null);
  assert.equal(groups.leave('g', 'a/#', 'y'), group);
  assert.equal(group.isEmpty, true);
  assert.equal(groups.get('g', 'a/#'), null);
  assert.equal(groups.leave('g', 'a/#', 'y'), null);
  assert.equal(groups.size, 2);
});

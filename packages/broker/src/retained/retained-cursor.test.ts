import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matches } from '#topic/topic-filter.ts';
import type { Retained } from './retained.ts';
import { message, openHouse, readAll } from './test-house.ts';

const long = 'x'.repeat(300);
/** Longer than a key; they differ behind the place where it is cut. */
const cutTopics = ['a', 'b'].flatMap((end) => [
  `${long}/${long}/${end}`,
  `${long}/${long}/${end}/c`,
  `${long}/${long}${end}`,
  `a/${long}${long}/${end}`,
]);

function paths(levels: readonly string[], depth: number): string[] {
  if (depth === 0) return [''];
  return paths(levels, depth - 1).flatMap((path) => levels.map((level) => (depth === 1 ? level : `${path}/${level}`)));
}

const topics = [
  ...[1, 2, 3]
    .flatMap((depth) => paths(['', 'a', 'ab', 'b', '$s', '\u0001', '\u{1f426}', '\uffee'], depth))
    .filter((topic) => topic !== ''),
  ...cutTopics,
  'y'.repeat(480),
  `${'y'.repeat(480)}/z`,
  `${'y'.repeat(479)}/z`,
  'y'.repeat(481),
];
const filters = [
  ...[1, 2, 3].flatMap((depth) => paths(['', 'a', 'b', '$s', '+', '\u{1f426}'], depth)).filter((filter) => filter !== ''),
  '#',
  ...[1, 2].flatMap((depth) => paths(['', 'a', 'b', '$s', '+'], depth)).map((filter) => `${filter}/#`),
  ...cutTopics,
  ...cutTopics.map((topic) => `${topic}/#`),
  `${long}/+/b`,
  `${long}/${long}/#`,
  `${long}/${long}/+`,
  `+/${long}/b`,
  `+/+/b/#`,
  `a/+/b`,
  `${'y'.repeat(480)}/#`,
  `${'y'.repeat(480)}/+`,
  `${'y'.repeat(479)}/#`,
  `${'y'.repeat(481)}/#`,
];

async function topicsRead(retained: Retained, filter: string, limit: number): Promise<string[]> {
  const cursor = retained.read(filter);
  const found: string[] = [];
  for (let page = await cursor.next(limit); page.length > 0; page = await cursor.next(limit)) {
    assert.ok(page.length <= limit);
    for (const one of page) found.push(one.topic);
  }
  assert.equal(cursor.isDone, true);
  return found;
}

test('a filter finds exactly the topics that it matches, on disk and on the way there [MQTT-4.7.2-1]', async () => {
  for (const written of ['all', 'some', 'none']) {
    const house = await openHouse();
    const isLater = (index: number): boolean => written === 'none' || (written === 'some' && index % 3 === 0);
    topics.forEach((topic, index) => !isLater(index) && house.retained.set(message(topic, 'x')));
    await house.committer.commit();
    topics.forEach((topic, index) => isLater(index) && house.retained.set(message(topic, 'x')));
    for (const filter of filters) {
      const expected = topics.filter((topic) => matches(filter, topic)).sort();
      const limit = 1 + (filter.length % 40);
      assert.deepEqual((await topicsRead(house.retained, filter, limit)).sort(), expected, `${written}: ${filter.slice(0, 40)}`);
    }
  }
});

test('a + in the middle passes over what lies beside its branch', async () => {
  const house = await openHouse();
  for (let device = 0; device < 100; device += 1) {
    for (let sensor = 0; sensor < 100; sensor += 1) house.retained.set(message(`device/${device}/sensor/${sensor}`, 'x'));
    house.retained.set(message(`device/${device}/state`, 'x'));
  }
  await house.committer.commit();
  house.store.recordsScanned = 0;
  assert.equal((await topicsRead(house.retained, 'device/+/state', 50)).length, 100);
  assert.ok(house.store.recordsScanned < 2_500, `${house.store.recordsScanned} records of 10,100`);
});

test('an exact filter reads one record', async () => {
  const house = await openHouse();
  for (const topic of ['a', 'a/b', 'a/c', 'b']) house.retained.set(message(topic, 'x'));
  await house.committer.commit();
  house.store.recordsScanned = 0;
  assert.deepEqual(await topicsRead(house.retained, 'a/b', 10), ['a/b']);
  assert.equal(house.store.recordsScanned, 1);
});

test('a page ends at about 256 KiB, and no large record is lost', async () => {
  const house = await openHouse();
  for (let index = 0; index < 40; index += 1) house.retained.set(message(`${index}`, 'x'.repeat(index % 5 === 0 ? 300_000 : 50_000)));
  await house.committer.commit();
  const cursor = house.retained.read('#');
  const found = new Set<string>();
  for (let page = await cursor.next(100); page.length > 0; page = await cursor.next(100)) {
    const weight = page.reduce((sum, one) => sum + one.weight, 0);
    assert.ok(weight - page[page.length - 1].weight < 256 * 1024);
    for (const one of page) found.add(one.topic);
  }
  assert.equal(found.size, 40);
});

test('what changes before the cursor comes to it is left out, since the subscription brings the change itself', async () => {
  const house = await openHouse();
  for (const topic of ['a', 'b', 'c', 'd', 'e']) house.retained.set(message(topic, 'old'));
  await house.committer.commit();
  house.retained.set(message('e', 'unwritten'));
  const cursor = house.retained.read('#');
  assert.deepEqual(
    (await cursor.next(1)).map(({ topic }) => topic),
    ['a'],
  );
  house.retained.set(message('b', 'new'));
  house.retained.set(message('aa', 'new'));
  house.retained.set(message('c', ''));
  await house.committer.commit();
  const rest = await cursor.next(10);
  assert.deepEqual(
    rest.map(({ topic, payload }) => `${topic}=${payload.toString()}`),
    ['d=old', 'e=unwritten'],
  );
  assert.deepEqual(await readAll(house.retained, '#'), ['a=old', 'aa=new', 'b=new', 'd=old', 'e=unwritten']);
});

test('a change that goes to disk while the cursor reads is neither lost nor given in its old form', async () => {
  const house = await openHouse({}, 'slow');
  house.retained.set(message('a', 'old'));
  await house.committer.commit();
  house.retained.set(message('b', 'unwritten'));
  const cursor = house.retained.read('#');
  const page = cursor.next(10);
  house.retained.set(message('a', 'new'));
  await house.committer.commit();
  assert.deepEqual(
    (await page).map(({ topic, payload }) => `${topic}=${payload.toString()}`),
    ['b=unwritten'],
  );
});

test('what is being written, and changes while the cursor reads, is not given in its old form', async () => {
  const house = await openHouse({}, 'slow');
  house.retained.set(message('a', 'old'));
  house.retained.set(message('b', 'old'));
  house.committer.seal();
  const page = house.retained.read('#').next(10);
  house.retained.set(message('a', 'new'));
  assert.deepEqual(
    (await page).map(({ topic }) => topic),
    ['b'],
  );
});

test('when the disk refuses a message while the cursor reads, what was retained before is given', async () => {
  const house = await openHouse({}, 'slow');
  house.retained.set(message('a', 'old'));
  house.retained.set(message('b', 'old'));
  await house.committer.commit();
  house.retained.set(message('a', 'new'));
  house.retained.set(message('b', ''));
  house.retained.set(message('b', 'new'));
  house.committer.seal();
  const page = house.retained.read('#').next(10);
  await house.committer.finish(true);
  assert.deepEqual(
    (await page).map(({ topic, payload }) => `${topic}=${payload.toString()}`),
    ['a=old'],
    'b had been cleared before it was set',
  );
});

test('what is put back is read again, unless it has changed meanwhile', async () => {
  const house = await openHouse();
  for (const topic of ['a', 'b', 'c', 'd']) house.retained.set(message(topic, 'x'));
  await house.committer.commit();
  const cursor = house.retained.read('#');
  const page = await cursor.next(10);
  assert.equal(cursor.isCurrent, true);
  cursor.putBack(page[1]);
  house.retained.set(message('c', 'y'));
  assert.equal(cursor.isCurrent, false);
  assert.deepEqual(
    (await cursor.next(10)).map(({ topic }) => topic),
    ['b', 'd'],
  );
  assert.deepEqual(await cursor.next(10), []);
  assert.equal(cursor.isDone, true);
});

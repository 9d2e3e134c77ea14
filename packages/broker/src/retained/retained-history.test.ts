import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { plainSettings } from './test-settings.ts';
import { message, openHouse, settle, type TestHouse } from './test-house.ts';

const rule = { filter: 'h/#', messages: 3, bytesMax: 1_000_000 };
const last3 = { history: [rule] };

/** Payloads in the order in which a subscriber gets them. */
async function read(house: TestHouse, filter: string, retained = house.retained): Promise<string[]> {
  const cursor = retained.read(filter);
  const found: string[] = [];
  while (!cursor.isDone) for (const one of await cursor.next(100)) found.push(one.payload.toString());
  return found;
}

/** Until nothing is left to tidy. */
async function rest(house: TestHouse): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    await settle();
    await house.committer.commit();
  }
}

function setAll(house: TestHouse, topic: string, ...payloads: string[]): void {
  for (const payload of payloads) assert.equal(house.retained.set(message(topic, payload)), 'stored');
}

test('the last messages of a topic come in order, the retained one last, however far they are written', async () => {
  const house = await openHouse(last3);
  setAll(house, 'h/a', '1', '2', '3', '4');
  setAll(house, 'x', 'a', 'b');
  assert.deepEqual(await read(house, '#'), ['2', '3', '4', 'b']);
  house.committer.seal();
  setAll(house, 'h/a', '5');
  assert.deepEqual(await read(house, '#'), ['3', '4', '5', 'b']);
  await house.committer.finish();
  assert.deepEqual(await read(house, '#'), ['3', '4', '5', 'b']);
  await rest(house);
  assert.deepEqual(await read(house, 'h/+'), ['3', '4', '5']);
  assert.deepEqual(await read(house, 'h/a', await house.reopen(last3)), ['3', '4', '5']);
});

test('a clear takes all of them, also after a restart, and nothing of them stays in the store', async () => {
  const house = await openHouse(last3);
  setAll(house, 'h/a', '1', '2');
  await house.committer.commit();
  house.retained.set(message('h/a', ''));
  assert.deepEqual(await read(house, '#'), []);
  await house.committer.commit();
  setAll(house, 'h/a', '3');
  assert.deepEqual(await read(house, '#'), ['3'], 'what was there before the clear does not come back');
  await house.committer.commit();
  assert.deepEqual(await read(house, '#', await house.reopen(last3)), ['3']);
  await rest(house);
  house.retained.set(message('h/a', ''));
  await rest(house);
  assert.equal(await house.store.count('feature'), 0);
  assert.deepEqual([house.retained.history.records, house.retained.history.bytes], [0, 0]);
});

test('clears that were not tidied before a kill are afterwards', async () => {
  const house = await openHouse(last3);
  setAll(house, 'h/a', '1', '2');
  await house.committer.commit();
  house.retained.set(message('h/a', ''));
  await house.committer.commit();
  assert.equal(await house.store.count('feature'), 3);
  const again = await house.reopen(last3);
  await rest(house);
  assert.equal(await house.store.count('feature'), 0);
  assert.equal(again.history.records, 0);
});

test('each expires for itself, and when the retained one does nothing is left [MQTT-3.3.2-5]', async () => {
  const house = await openHouse(last3);
  house.retained.set(message('h/a', '1', 10));
  house.retained.set(message('h/a', '2'));
  house.retained.set(message('h/a', '3', 20));
  await house.committer.commit();
  house.time.ms += 10_000;
  assert.deepEqual(await read(house, '#'), ['2', '3']);
  house.time.ms += 10_000;
  assert.deepEqual(await read(house, '#'), []);
  setAll(house, 'h/a', '4');
  assert.deepEqual(await read(house, '#'), ['4']);
});

test('the store holds no more than twice of what is kept', async () => {
  const house = await openHouse(last3);
  for (let round = 0; round < 50; round += 1) {
    setAll(house, 'h/a', `${round}`);
    await house.committer.commit();
    await settle();
    assert.ok((await house.store.count('feature')) <= 8);
  }
  assert.deepEqual(await read(house, '#'), ['47', '48', '49']);
});

test('older messages are bounded by bytes, too: the oldest give way', async () => {
  const house = await openHouse({ history: [{ filter: '#', messages: 10, bytesMax: 1_000 }] });
  for (const digit of ['1', '2', '3', '4']) setAll(house, 'h', digit.repeat(400));
  assert.deepEqual(
    (await read(house, '#')).map((text) => text[0]),
    ['2', '3', '4'],
  );
});

test('where there is no room for more a topic begins anew', async () => {
  const house = await openHouse({ ...last3, historyMessagesMax: 2 });
  setAll(house, 'h/a', '1', '2', '3');
  await rest(house);
  assert.deepEqual(await read(house, '#'), ['3']);
  setAll(house, 'h/a', '4');
  await rest(house);
  assert.deepEqual(await read(house, '#'), ['4'], 'room was made with the third, which itself is no older message');
  setAll(house, 'h/a', '5');
  assert.deepEqual(await read(house, '#'), ['4', '5']);
});

test('other rules hold at once, and what they do not keep is removed', async () => {
  const house = await openHouse(last3);
  setAll(house, 'h/a', '1', '2', '3');
  setAll(house, 'h/b', '1', '2', '3');
  await rest(house);
  house.retained.reconfigure({ ...plainSettings, history: [{ ...rule, filter: 'h/a', messages: 2 }] });
  assert.deepEqual(await read(house, '#'), ['2', '3', '3']);
  await rest(house);
  assert.equal(await house.store.count('feature'), 2);
  const again = await house.reopen({ history: [] });
  await rest(house);
  assert.equal(again.history.records, 0);
});

test('what the disk refuses is no part of it, and a refused clear stays a clear', async () => {
  const house = await openHouse(last3);
  setAll(house, 'h/a', '1');
  await house.committer.commit();
  setAll(house, 'h/a', '2');
  house.committer.seal();
  await house.committer.finish(true);
  assert.deepEqual(await read(house, '#'), ['1']);
  setAll(house, 'h/a', '3');
  await house.committer.commit();
  assert.deepEqual(await read(house, '#'), ['1', '3']);
  house.retained.set(message('h/a', ''));
  house.committer.seal();
  await house.committer.finish(true);
  setAll(house, 'h/a', '4');
  await rest(house);
  assert.deepEqual(await read(house, '#'), ['4']);
});

test('what clears nothing leaves no mark, so that a full disk need not take one', async () => {
  const house = await openHouse(last3);
  setAll(house, 'h/a', '1');
  await rest(house);
  for (const topic of ['h/none', 'x']) house.retained.set(message(topic, ''));
  setAll(house, 'h/b', '1', '2');
  house.retained.set(message('h/b', ''));
  assert.equal((await house.committer.commit()).changes.filter(({ table }) => table === 'feature').length, 0);
  assert.deepEqual(await read(house, '#'), ['1']);
  assert.equal(house.retained.history.records, 1);
});

test('a reader that puts messages back goes on where it stopped', async () => {
  const house = await openHouse(last3);
  setAll(house, 'h/a', '1', '2', '3');
  setAll(house, 'h/b', '4', '5', '6');
  await house.committer.commit();
  for (let stop = 0; stop < 6; stop += 1) {
    const cursor = house.retained.read('#');
    const page = await cursor.next(100);
    const found = page.slice(0, stop);
    cursor.putBack(page[stop]);
    while (!cursor.isDone) found.push(...(await cursor.next(1)));
    assert.equal(found.map(({ payload }) => payload.toString()).join(''), '123456', `stopped at ${stop}`);
  }
});

test('a topic that changes while its older messages are read is left out', async () => {
  const house = await openHouse(last3, 'slow');
  setAll(house, 'h/a', '1', '2');
  setAll(house, 'h/b', '3', '4');
  await house.committer.commit();
  const cursor = house.retained.read('#');
  const step = cursor.step(100);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  setAll(house, 'h/a', 'new');
  assert.deepEqual(
    (await step).map(({ payload }) => payload.toString()),
    ['3', '4'],
  );
});

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('set' as const), topic: fc.integer({ min: 0, max: 2 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('clear' as const), topic: fc.integer({ min: 0, max: 2 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('commit' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('refuse' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
);

test('whatever happens, each topic has its last messages, and the totals are those of the store', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const house = await openHouse(last3);
      let { retained } = house;
      const model: string[][] = [[], [], []];
      let written: string[][] = [[], [], []];
      const cleared = new Set<number>();
      let number = 0;
      for (const one of steps) {
        if (one.kind === 'set') {
          number += 1;
          retained.set(message(`h/${one.topic}`, `${number}`));
          model[one.topic] = [...model[one.topic], `${number}`].slice(-3);
        } else if (one.kind === 'clear') {
          retained.set(message(`h/${one.topic}`, ''));
          model[one.topic] = [];
          cleared.add(one.topic);
        } else if (one.kind === 'refuse') {
          await settle();
          house.committer.seal();
          await house.committer.finish(true);
          // Messages are gone, clears are not.
          for (const topic of model.keys()) model[topic] = cleared.has(topic) ? [] : written[topic];
        } else {
          await settle();
          await house.committer.commit();
          written = [...model];
          cleared.clear();
          if (one.kind === 'reopen') {
            for (let round = 0; round < 5; round += 1) {
              await settle();
              await house.committer.commit();
            }
            retained = await house.reopen(last3);
          }
        }
        assert.deepEqual(await read(house, '#', retained), model.flat());
      }
      await rest(house);
      assert.equal(retained.history.records, await house.store.count('feature'));
    }),
    { numRuns: 200 },
  );
});

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { silentLogger } from '#base/logger.ts';
import { createMessage, type Message } from '#message/message.ts';
import { Committer } from './committer.ts';
import { Log } from './log.ts';
import { MemoryStore } from './memory/memory-store.ts';

let store: MemoryStore;
let committer: Committer;
let log: Log;
let held: number[];

function open(): void {
  committer = new Committer(store, new FakeClock(), (error) => assert.fail(error));
  log = new Log(store, committer, silentLogger);
  held = [];
  log.follower = { hold: (base) => void held.push(base) };
}

beforeEach(() => {
  store = new MemoryStore();
  open();
});

/** A message that somebody reads, and that is kept as well or not. */
function append(payload: string, isKept: boolean): Message {
  const message = createMessage({ topic: 't', payload, publisher: 'p', receivedAtMs: 0 });
  log.acquire(message);
  message.isKept = isKept;
  return message;
}

async function kept(after = 0): Promise<string[]> {
  const found = [];
  for await (const { payload, offset, isKept } of log.kept(after)) found.push(`${offset} ${payload.toString()} ${isKept}`);
  return found;
}

describe('a log with a follower', () => {
  test('holds a record with messages that are kept after its readers are done, until it is released', async () => {
    const [first, second] = [append('a', true), append('b', false)];
    await committer.flush();
    assert.deepEqual(held, [1]);
    log.release(first);
    log.release(second);
    await committer.flush();
    assert.equal(log.records, 1);
    assert.deepEqual(await kept(), ['1 a true']);
    log.releaseAt(1);
    await committer.flush();
    assert.deepEqual([log.records, await kept()], [0, []]);
  });

  test('holds no record of messages that are not kept, and writes none that nobody reads any more', async () => {
    append('a', false);
    await committer.flush();
    const brief = append('b', true);
    log.release(brief);
    await committer.flush();
    assert.deepEqual([held, brief.isKept], [[], false]);
    assert.equal(log.records, 1);
  });

  test('tells after a start which messages were kept, behind an offset, also in records that have grown', async () => {
    append('a', true);
    append('b', false);
    await committer.flush();
    append('c', true);
    await committer.flush();
    assert.deepEqual(held, [1, 1]);
    open();
    await log.load();
    assert.deepEqual(await kept(), ['1 a true', '3 c true']);
    assert.deepEqual(await kept(1), ['3 c true']);
    assert.equal((await log.read(1, 2))?.isKept, false);
    log.dropUnread();
    await committer.flush();
    assert.deepEqual(await kept(), []);
  });

  test('goes on behind offsets that its follower knows', async () => {
    log.skipPast(1000);
    assert.equal(append('a', true).offset, 1001);
    log.skipPast(5);
    assert.equal(append('b', true).offset, 1002);
    await committer.flush();
  });

  test('a message that comes back after its record is gone is not the one that was kept', async () => {
    const message = append('a', true);
    await committer.flush();
    log.release(message);
    log.releaseAt(1);
    await committer.flush();
    log.acquire(message);
    await committer.flush();
    assert.deepEqual([message.isKept, held, await kept()], [false, [1], []]);
  });
});

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { systemClock, type Clock } from '#base/clock.ts';
import { OperationalError } from '#base/errors.ts';
import { Committer, type Participant, type Waiter } from './committer.ts';
import type { Batch, Store } from './store.ts';

/** A store of which the test decides when and how each commit ends. */
class HeldStore {
  readonly commits: { readonly keys: string[]; readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];

  commit(batch: Batch): Promise<void> {
    const keys = batch.changes.map(({ key }) => key.toString());
    return new Promise((resolve, reject) => this.commits.push({ keys, resolve, reject }));
  }
}

describe('the committer', () => {
  let store: HeldStore;
  let committer: Committer;
  let events: string[];
  let failures: OperationalError[];
  let timers: (() => void)[];

  beforeEach(() => {
    store = new HeldStore();
    events = [];
    failures = [];
    timers = [];
    const after: Clock['after'] = (_, callback) => {
      timers.push(callback);
      return () => {};
    };
    const clock: Clock = { ...systemClock, after };
    committer = new Committer(store as unknown as Store, clock, (error) => failures.push(error));
  });

  function participant(name: string, writes = true): Participant {
    return {
      persist(batch) {
        events.push(`persist ${name}`);
        if (writes) batch.put('meta', Buffer.from(name), Buffer.alloc(1));
      },
      settled: (error) => void events.push(`settled ${name} ${error?.code ?? 'well'}`),
    };
  }

  function waiter(name: string): Waiter {
    return { onDurable: (sequence, error) => void events.push(`durable ${name} ${sequence} ${error?.code ?? 'well'}`) };
  }

  test('seals what joined in one turn into one batch, and persists each participant once per join', async () => {
    committer.join(participant('a'));
    committer.join(participant('b'));
    assert.equal(store.commits.length, 0);
    await turn();
    assert.deepEqual(
      store.commits.map(({ keys }) => keys),
      [['a', 'b']],
    );
    assert.deepEqual(events, ['persist a', 'persist b']);
  });

  test('lets leaders write before the others', async () => {
    committer.join(participant('session'));
    committer.joinFirst(participant('log'));
    await turn();
    assert.deepEqual(store.commits[0].keys, ['log', 'session']);
  });

  test('groups what joins while a commit is under way, and writes it after that', async () => {
    committer.join(participant('a'));
    await turn();
    committer.join(participant('b'));
    await turn();
    committer.join(participant('c'));
    await turn();
    assert.equal(store.commits.length, 1);
    store.commits[0].resolve();
    await turn();
    assert.deepEqual(
      store.commits.map(({ keys }) => keys),
      [['a'], ['b', 'c']],
    );
  });

  test('settles leaders, then participants, then waiters, each with its own sequence', async () => {
    committer.joinFirst(participant('log'));
    committer.join(participant('a'));
    assert.equal(committer.whenDurable(waiter('w')), 1);
    await turn();
    assert.equal(committer.whenDurable(waiter('x')), 2);
    events = [];
    store.commits[0].resolve();
    await turn();
    assert.deepEqual(events, ['settled log well', 'settled a well', 'durable w 1 well', 'durable x 2 well']);
  });

  test('a participant that joins from `settled` is in the next batch', async () => {
    const again = participant('again');
    committer.join({ persist: (batch) => batch.put('meta', Buffer.from('first'), Buffer.alloc(1)), settled: () => committer.join(again) });
    await turn();
    store.commits[0].resolve();
    await turn();
    assert.deepEqual(store.commits[1].keys, ['again']);
  });

  test('settles a batch without changes, without a commit', async () => {
    committer.join(participant('a', false));
    committer.whenDurable(waiter('w'));
    await turn();
    assert.equal(store.commits.length, 0);
    assert.deepEqual(events, ['persist a', 'settled a well', 'durable w 1 well']);
  });

  test('tells the refusal of a full store to all, waits, and tries again with what joined again', async () => {
    committer.join(participant('a'));
    committer.whenDurable(waiter('w'));
    await turn();
    events = [];
    store.commits[0].reject(full());
    await turn();
    assert.deepEqual(events, ['settled a store.full', 'durable w 1 store.full']);
    assert.ok(committer.isFull);
    committer.join(participant('a'));
    await turn();
    assert.equal(store.commits.length, 1);
    timers[0]();
    store.commits[1].resolve();
    await turn();
    assert.deepEqual(store.commits[1].keys, ['a']);
    assert.equal(committer.isFull, false);
    assert.deepEqual(failures, []);
  });

  test('probes a full store by itself until it takes something again', async () => {
    committer.join(participant('a'));
    await turn();
    store.commits[0].reject(full());
    await turn();
    timers[0]();
    assert.deepEqual(store.commits[1].keys, ['probe']);
    store.commits[1].reject(full());
    await turn();
    assert.ok(committer.isFull);
    timers[1]();
    store.commits[2].resolve();
    await turn();
    assert.equal(committer.isFull, false);
    assert.deepEqual([store.commits.length, timers.length], [3, 2]);
  });

  test('reports a failed store once, and then neither settles nor commits anything', async () => {
    committer.join(participant('a'));
    committer.whenDurable(waiter('w'));
    await turn();
    committer.join(participant('b'));
    events = [];
    store.commits[0].reject(new OperationalError('store.failed', 'the disk is gone'));
    await turn();
    await turn();
    assert.deepEqual(
      failures.map(({ code }) => code),
      ['store.failed'],
    );
    assert.deepEqual(events, []);
    committer.join(participant('c'));
    await turn();
    assert.equal(store.commits.length, 1);
  });

  test('takes an error that it does not know for a failure', async () => {
    committer.join(participant('a'));
    await turn();
    store.commits[0].reject(new TypeError('what'));
    await turn();
    assert.deepEqual(
      failures.map(({ code }) => code),
      ['store.failed'],
    );
  });

  test('durable resolves with the outcome of what joined up to now', async () => {
    committer.join(participant('a'));
    const well = committer.durable();
    await turn();
    committer.join(participant('b'));
    const refused = committer.durable();
    store.commits[0].resolve();
    assert.equal(await well, null);
    await turn();
    store.commits[1].reject(full());
    assert.equal((await refused)?.code, 'store.full');
  });

  test('flush resolves when everything that joined before is on disk, also while more joins', async () => {
    await committer.flush();
    committer.join(participant('a'));
    const first = committer.flush();
    await turn();
    committer.join(participant('b'));
    const second = committer.flush();
    let isSecondFlushed = false;
    void second.then(() => (isSecondFlushed = true));
    store.commits[0].resolve();
    await first;
    await turn();
    assert.equal(isSecondFlushed, false);
    store.commits[1].resolve();
    await second;
    await committer.flush();
  });

  test('flush waits through a refusal', async () => {
    committer.join({
      persist: (batch) => batch.put('meta', Buffer.from('k'), Buffer.alloc(1)),
      settled: (error) => void (error && committer.join(participant('k'))),
    });
    const flushed = committer.flush();
    await turn();
    store.commits[0].reject(full());
    await turn();
    timers[0]();
    assert.deepEqual(store.commits[1].keys, ['k']);
    store.commits[1].resolve();
    await flushed;
  });
});

function full(): OperationalError {
  return new OperationalError('store.full', 'no room', { retryable: true });
}

/** Two turns of the event loop: a seal that was scheduled has happened. */
async function turn(): Promise<void> {
  for (let i = 0; i < 2; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

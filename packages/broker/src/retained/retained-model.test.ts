import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matches } from '#topic/topic-filter.ts';
import type { RetainedCursor } from './retained-cursor.ts';
import { message, openHouse, settle, type StoreManner, type TestHouse } from './test-house.ts';

interface Value {
  readonly payload: string;
  readonly expiresAtMs: number;
}

/** What waits for a batch: a value, or a clear, or a value with a clear before it. */
interface Waiting {
  readonly value: Value | null;
  readonly hasClear: boolean;
}

/** Retained messages as three maps: on disk, in the batch under way, in the open one. */
class Model {
  disk = new Map<string, Value>();
  sealed = new Map<string, Waiting>();
  open = new Map<string, Waiting>();

  visible(topic: string, nowMs: number): Value | null {
    const waiting = this.open.get(topic) ?? this.sealed.get(topic);
    const value = waiting === undefined ? (this.disk.get(topic) ?? null) : waiting.value;
    return value !== null && value.expiresAtMs > nowMs ? value : null;
  }

  set(topic: string, value: Value | null): void {
    this.open.set(topic, { value, hasClear: value === null || (this.open.get(topic)?.hasClear ?? false) });
  }

  seal(): void {
    this.sealed = this.open;
    this.open = new Map();
  }

  finish(isFull: boolean): void {
    for (const [topic, { value, hasClear }] of this.sealed) {
      const later = this.open.get(topic);
      if (!isFull && value !== null) this.disk.set(topic, value);
      else if (!isFull) this.disk.delete(topic);
      else if (hasClear) this.open.set(topic, { value: later?.value ?? null, hasClear: true });
    }
    this.sealed = new Map();
  }
}

/** A cursor that reads while everything goes on, and what it may and must give. */
interface Reading {
  readonly cursor: RetainedCursor;
  readonly expected: Map<string, Value>;
  readonly changed: Set<string>;
  readonly found: Set<string>;
}

const topics = ['a', 'a/b', 'a/c', 'b/c', '/', '$s/a', `${'l'.repeat(500)}/b`, `${'l'.repeat(500)}/c`];
const filters = ['#', '+/c', 'a/#', 'a/b', '+', '$s/#', `${'l'.repeat(500)}/+`];

type Step =
  | { readonly verb: 'set'; readonly topic: string; readonly expiryInterval: number }
  | { readonly verb: 'clear' | 'get'; readonly topic: string }
  | { readonly verb: 'read'; readonly filter: string }
  | { readonly verb: 'finish'; readonly isFull: boolean }
  | { readonly verb: 'step' | 'seal' | 'tick' | 'sweep' | 'wait' };

const topic = fc.constantFrom(...topics);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ verb: fc.constant('set' as const), topic, expiryInterval: fc.constantFrom(0, 2, 4, 1_000) }) },
  { weight: 3, arbitrary: fc.record({ verb: fc.constantFrom('clear' as const, 'get' as const), topic }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('read' as const), filter: fc.constantFrom(...filters) }) },
  { weight: 3, arbitrary: fc.record({ verb: fc.constant('finish' as const), isFull: fc.boolean() }) },
  {
    weight: 8,
    arbitrary: fc.record({ verb: fc.constantFrom('step' as const, 'seal' as const, 'tick' as const, 'sweep' as const, 'wait' as const) }),
  },
);

class Run {
  readonly house: TestHouse;
  readonly model = new Model();
  #payloads = 0;
  #reading: Reading | null = null;
  /** A step that is under way while other things happen. */
  #stepping: Promise<void> | null = null;
  readonly #failures: unknown[] = [];

  constructor(house: TestHouse) {
    this.house = house;
  }

  async do(one: Step): Promise<void> {
    const { retained, committer, time } = this.house;
    if (one.verb === 'set') this.#set(one.topic, one.expiryInterval);
    else if (one.verb === 'clear') this.#clear(one.topic);
    else if (one.verb === 'get') await this.#get(one.topic);
    else if (one.verb === 'read') this.#read(one.filter);
    else if (one.verb === 'step') this.#beginStep();
    else if (one.verb === 'tick') time.ms += 1_000;
    else if (one.verb === 'sweep') await retained.sweep(3);
    else if (one.verb === 'wait') await settle();
    else if (one.verb === 'seal' && !committer.isSealed) {
      committer.seal();
      this.model.seal();
    } else if (one.verb === 'finish' && committer.isSealed) {
      // A batch that is refused takes its messages back, which a reader may notice.
      if (one.isFull) for (const sealed of this.model.sealed.keys()) this.#reading?.changed.add(sealed);
      await committer.finish(one.isFull, () => this.model.finish(one.isFull));
    }
  }

  /** Everything on disk, nothing waiting: then the table is the model, and the totals are the table. */
  async end(): Promise<void> {
    const { house, model } = this;
    await this.#stepping;
    assert.deepEqual(this.#failures, []);
    while (this.#reading !== null) await this.#step(100);
    if (house.committer.isSealed) await this.do({ verb: 'finish', isFull: false });
    await this.do({ verb: 'seal' });
    await this.do({ verb: 'finish', isFull: false });
    await settle();
    if (house.committer.isJoined) await house.committer.commit();
    for (const one of topics) await this.#get(one);
    for (const filter of filters) {
      this.#read(filter);
      while (this.#reading !== null) await this.#step(3);
    }
    await house.committer.commit();
    const again = await house.reopen();
    assert.equal(again.count, await house.store.count('retained'));
    assert.equal(house.retained.count, again.count);
    assert.equal(house.retained.bytes, again.bytes);
    assert.ok([...model.disk.keys()].filter((one) => model.visible(one, house.time.ms) !== null).length <= again.count);
  }

  #set(one: string, expiryInterval: number): void {
    const { time, retained } = this.house;
    this.#payloads += 1;
    const payload = 'x'.repeat(this.#payloads % 5) + String(this.#payloads);
    assert.equal(retained.set(message(one, payload, expiryInterval === 0 ? undefined : expiryInterval, time.ms)), 'stored');
    this.model.set(one, { payload, expiresAtMs: expiryInterval === 0 ? Infinity : time.ms + expiryInterval * 1_000 });
    this.#reading?.changed.add(one);
  }

  #clear(one: string): void {
    assert.equal(this.house.retained.set(message(one, '')), 'cleared');
    this.model.set(one, null);
    this.#reading?.changed.add(one);
  }

  async #get(one: string): Promise<void> {
    const { retained, time } = this.house;
    const expected = this.model.visible(one, time.ms);
    assert.equal((await retained.get(one))?.payload.toString() ?? null, expected?.payload ?? null);
  }

  #read(filter: string): void {
    if (this.#stepping !== null) return;
    const { retained, time } = this.house;
    const expected = new Map<string, Value>();
    for (const one of topics) {
      const value = this.model.visible(one, time.ms);
      if (value !== null && matches(filter, one)) expected.set(one, value);
    }
    this.#reading = { cursor: retained.read(filter), expected, changed: new Set(), found: new Set() };
  }

  #beginStep(): void {
    if (this.#stepping !== null) return;
    this.#stepping = this.#step(2)
      .catch((error: unknown) => {
        this.#failures.push(error);
      })
      .finally(() => {
        this.#stepping = null;
      });
  }

  async #step(limit: number): Promise<void> {
    const { time } = this.house;
    const reading = this.#reading;
    if (reading === null) return;
    for (const one of await reading.cursor.step(limit)) {
      assert.ok(!reading.found.has(one.topic), 'a topic came twice');
      reading.found.add(one.topic);
      assert.equal(one.payload.toString(), this.model.visible(one.topic, time.ms)?.payload, 'what came is not what is retained');
      if (!reading.changed.has(one.topic)) assert.equal(one.payload.toString(), reading.expected.get(one.topic)?.payload);
    }
    if (!reading.cursor.isDone) return;
    for (const [one, value] of reading.expected) {
      const mustCome: boolean = !reading.changed.has(one) && value.expiresAtMs > time.ms;
      assert.ok(!mustCome || reading.found.has(one), `${one.slice(0, 20)} did not come`);
    }
    this.#reading = null;
  }
}

for (const manner of ['knows', 'reads', 'slow'] as const satisfies readonly StoreManner[]) {
  test(`whatever is set, cleared, expired, refused and read, the retained messages are those of the model (the store ${manner})`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const run = new Run(await openHouse({}, manner));
        for (const one of steps) await run.do(one);
        await run.end();
      }),
      { numRuns: manner === 'slow' ? 60 : 150 },
    );
  });
}

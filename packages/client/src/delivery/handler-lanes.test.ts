import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { FakeClock } from '@wrenmq/testkit';
import { MqttError } from '#base/mqtt-error.ts';
import { ReceivedMessage } from '#message/received-message.ts';
import { TopicPattern } from '#topic/topic-pattern.ts';
import type { ConsumerContext } from './consumer.ts';
import { type AnyHandler, HandlerLanes, type HandlerOptions } from './handler-lanes.ts';
import { Pressure } from './pressure.ts';

interface Bench {
  readonly lanes: HandlerLanes;
  readonly clock: FakeClock;
  readonly errors: unknown[];
  /** Packet identifiers with reason codes, as they are acknowledged. */
  readonly acknowledged: string[];
  readonly offer: (topic: string, packetId: number) => void;
}

function bench(handler: AnyHandler, options: Partial<HandlerOptions> = {}, isManual = false): Bench {
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const acknowledged: string[] = [];
  const { monotonicMs, wallMs, after } = clock;
  const source = { patterns: [new TopicPattern('#')], isManual, publish: () => Promise.reject(new Error('not here')) };
  const context: ConsumerContext = {
    surroundings: { monotonicMs, wallMs, after, random: () => 0, soon: queueMicrotask },
    buffer: { limit: 100, whenFull: 'backpressure', pressure: new Pressure(1e6, () => undefined), onFull: () => undefined },
    source,
    leave: () => Promise.resolve(),
    onEnd: () => undefined,
    onError: (error) => errors.push(error),
  };
  const lanes = new HandlerLanes(handler, context, {
    concurrency: 1,
    laneKey: undefined,
    onError: undefined,
    onIdle: () => undefined,
    ...options,
  });
  const receipt = { acknowledge: ({ packetId }: { packetId: number }, code: number) => void acknowledged.push(`${packetId}:${code}`) };
  const offer = (topic: string, packetId: number): void => {
    const publish = { topic, payload: new Uint8Array(1), qos: 1, retain: false, dup: false, packetId, properties: undefined } as const;
    lanes.offer(new ReceivedMessage(publish, source, receipt));
  };
  return { lanes, clock, errors, acknowledged, offer };
}

/** A handler whose calls end when the test says so. */
function held(): { handler: AnyHandler; running: string[]; readonly end: (topic: string, error?: Error) => Promise<void> } {
  const running: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const handler: AnyHandler = (message) =>
    new Promise<void>((resolve, reject) => {
      running.push(message.topic);
      ends.set(message.topic, (error) => {
        running.splice(running.indexOf(message.topic), 1);
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  const end = async (topic: string, error?: Error): Promise<void> => {
    ends.get(topic)!(error);
    await turn();
  };
  return { handler, running, end };
}

test('a synchronous handler is done when offer returns', () => {
  const seen: string[] = [];
  const { offer, acknowledged, lanes } = bench(({ topic }) => seen.push(topic));
  offer('a', 1);
  offer('b', 2);
  assert.deepEqual([seen, acknowledged, lanes.isIdle], [['a', 'b'], ['1:0', '2:0'], true]);
});

test('one at a time is the default, in the order of arrival', async () => {
  const { handler, running, end } = held();
  const { offer, acknowledged } = bench(handler);
  for (const [index, topic] of ['a', 'b', 'c'].entries()) offer(topic, index + 1);
  assert.deepEqual(running, ['a']);
  await end('a');
  assert.deepEqual([running, acknowledged], [['b'], ['1:0']]);
  await end('b');
  assert.deepEqual(running, ['c']);
});

test('many at a time are in order by key', async () => {
  const { handler, running, end } = held();
  const { offer } = bench(handler, { concurrency: 3, laneKey: ({ topic }) => topic[0] });
  for (const topic of ['a1', 'a2', 'b1', 'b2', 'c1', 'd1']) offer(topic, 1);
  assert.deepEqual(running, ['a1', 'b1', 'c1']);
  await end('b1');
  assert.deepEqual(running, ['a1', 'c1', 'b2']);
  await end('c1');
  assert.deepEqual(running, ['a1', 'b2', 'd1']);
  await end('a1');
  assert.deepEqual(running, ['b2', 'd1', 'a2']);
});

test('without a key the concurrency is all that counts', () => {
  const { handler, running } = held();
  const { offer } = bench(handler, { concurrency: 2 });
  for (const topic of ['a', 'a', 'a']) offer(topic, 1);
  assert.deepEqual(running, ['a', 'a']);
});

test('a key that cannot be had is an error, and a key of its own', () => {
  const { handler, running } = held();
  const laneKey = (): string => {
    throw new Error('no key');
  };
  const { offer, errors } = bench(handler, { concurrency: 2, laneKey });
  offer('a', 1);
  offer('b', 2);
  assert.deepEqual([running, errors.length], [['a'], 2]);
});

test('a handler that throws is an error event, and the message is acknowledged', async () => {
  for (const handler of [() => Promise.reject(new Error('async')), () => assert.fail('sync')] as AnyHandler[]) {
    const { offer, errors, acknowledged } = bench(handler);
    offer('a', 1);
    await turn();
    assert.deepEqual([errors.length, acknowledged], [1, ['1:0']]);
  }
});

test('onError decides what becomes of the message', async () => {
  for (const [verdict, expected] of [
    ['ack', ['1:0']],
    ['nack', ['1:128']],
    [undefined, ['1:0']],
  ] as const) {
    const { offer, errors, acknowledged } = bench(() => assert.fail(), { onError: () => verdict });
    offer('a', 1);
    await turn();
    assert.deepEqual([errors.length, acknowledged], [0, expected]);
  }
  const { offer, errors, acknowledged } = bench(() => assert.fail(), { onError: () => assert.fail('onError too') });
  offer('a', 1);
  assert.deepEqual([errors.length, acknowledged], [1, ['1:0']]);
});

test('retry calls the handler again with growing delays, and holds up its lane only', async () => {
  const calls: string[] = [];
  const handler: AnyHandler = ({ topic }) => {
    calls.push(topic);
    if (topic === 'a' && calls.length < 4) throw new Error('not yet');
  };
  const { offer, clock, acknowledged } = bench(handler, { concurrency: 2, laneKey: ({ topic }) => topic, onError: () => 'retry' });
  offer('a', 1);
  offer('a', 2);
  offer('b', 3);
  assert.deepEqual([calls, acknowledged], [['a', 'b'], ['3:0']]);
  clock.advance(50);
  clock.advance(99);
  assert.deepEqual(calls, ['a', 'b', 'a']);
  clock.advance(1);
  assert.deepEqual(
    [calls, acknowledged],
    [
      ['a', 'b', 'a', 'a', 'a'],
      ['3:0', '1:0', '2:0'],
    ],
  );
});

test('what is malformed is not tried again', () => {
  const handler = (): void => {
    throw new MqttError('VALIDATION', 'no JSON');
  };
  const { offer, acknowledged, clock } = bench(handler, { onError: () => 'retry' });
  offer('a', 1);
  assert.deepEqual([acknowledged, clock.pending], [['1:153'], 0]);
});

test('removal waits for what runs, discards what waits, and calls off retries', async () => {
  const { handler, end } = held();
  const { offer, lanes, acknowledged } = bench(handler);
  offer('a', 1);
  offer('b', 2);
  let isRemoved = false;
  const removed = lanes.remove().then(() => (isRemoved = true));
  await turn();
  assert.deepEqual([isRemoved, acknowledged], [false, ['2:0']]);
  await end('a');
  await removed;
  assert.deepEqual(acknowledged, ['2:0', '1:0']);

  const retrying = bench(() => assert.fail(), { onError: () => 'retry' });
  retrying.offer('a', 1);
  await retrying.lanes.remove();
  assert.deepEqual([retrying.acknowledged, retrying.clock.pending], [['1:128'], 0]);
});

test('the end of the client aborts what runs and acknowledges nothing that waits', async () => {
  const signals: AbortSignal[] = [];
  const { offer, lanes, acknowledged } = bench((_message, { signal }) => {
    signals.push(signal);
    return new Promise(() => undefined);
  });
  offer('a', 1);
  offer('b', 2);
  lanes.end();
  await turn();
  assert.deepEqual([signals[0].aborted, signals.length, acknowledged], [true, 1, []]);
});

test('a thousand synchronous messages that waited do not need a thousand frames of the stack', async () => {
  let resolve!: () => void;
  let calls = 0;
  const { offer, lanes } = bench(() => {
    calls += 1;
    return calls === 1 ? new Promise<void>((done) => (resolve = done)) : undefined;
  });
  for (let id = 1; id <= 20_000; id += 1) offer('a', id);
  resolve();
  await turn();
  assert.deepEqual([calls, lanes.isIdle], [20_000, true]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import type { Message } from '#message/message.ts';
import { DecisionKind, RefusedBy, Step } from './decision.ts';
import { Decisions, EXPLAIN_BYTES_MIN } from './decisions.ts';
import { TestClient, testDelivery, testMessage, TestTally, TestTopic } from './test-client.ts';

const KIB = 1024;

function open(bytes = 256 * KIB): { clock: FakeClock; decisions: Decisions } {
  const clock = new FakeClock();
  return { clock, decisions: new Decisions(clock, bytes, 42) };
}

/** As the publisher does. */
function published(decisions: Decisions, route: TestTopic, message: Message): void {
  if (route.tallyCount === 0) decisions.published(route, message);
}

/** As a session does. */
function sentOnce(decisions: Decisions, client: TestClient, message: Message, tally: TestTally): void {
  if (tally.tallyCount > 0) tally.tallyCount += 1;
  else decisions.sentOnce(client, testDelivery(message), tally);
}

/** Kinds and details of everything about a client and a topic. */
function known(decisions: Decisions, clientId: string, topic: string): [number, number][] {
  return decisions.about(clientId, topic).map(({ kind, detail }) => [kind, detail]);
}

test('what is sent at QoS 0 within a second is counted in one entry, and in the next second in another', () => {
  const { clock, decisions } = open();
  const client = new TestClient('c');
  const [route, target] = [new TestTopic('t'), new TestTally()];
  for (const advanceMs of [0, 300, 600, 200]) {
    clock.advance(advanceMs);
    for (let i = 0; i < 1000; i += 1) {
      const message = testMessage('t');
      published(decisions, route, message);
      sentOnce(decisions, client, message, target);
    }
  }
  assert.deepEqual(known(decisions, 'c', 't'), [
    [DecisionKind.Published, 1],
    [DecisionKind.SentOnce, 3000],
    [DecisionKind.Published, 1],
    [DecisionKind.SentOnce, 1000],
  ]);
});

test('what is counted without a tally goes to the same entry, too, and other clients and topics to their own', () => {
  const { decisions } = open();
  for (let i = 0; i < 30; i += 1) {
    for (const clientId of ['a', 'b']) {
      for (const topic of ['t', 'u']) decisions.dropped(new TestClient(clientId), testDelivery(testMessage(topic)), 'offline-qos-0');
    }
  }
  for (const clientId of ['a', 'b']) {
    for (const topic of ['t', 'u']) assert.deepEqual(known(decisions, clientId, topic), [[DecisionKind.Dropped, 30]]);
  }
});

test('what happens to a client separates what is counted before and after, a bounded number of times a second', () => {
  const { clock, decisions } = open();
  const [client, route] = [new TestClient('c'), new TestTopic('t')];
  for (let i = 0; i < 100; i += 1) {
    published(decisions, route, testMessage('t'));
    decisions.detached(client);
  }
  assert.equal(known(decisions, 'nobody', 't').length, 17);
  clock.advance(1000);
  for (let i = 0; i < 3; i += 1) {
    published(decisions, route, testMessage('t'));
    decisions.detached(client);
  }
  assert.equal(known(decisions, 'nobody', 't').length, 20);
});

test('an acknowledgement is written into the entry of the PUBLISH, with how long it took', () => {
  const { clock, decisions } = open();
  const client = new TestClient('c');
  const delivery = testDelivery(testMessage('t', 1), 7);
  decisions.sent(client, delivery);
  clock.advance(250);
  decisions.stepped(client, delivery, Step.Acknowledged);
  const [{ step, detail, number, qos }] = decisions.about('c', 't');
  assert.deepEqual({ step, detail, number, qos }, { step: Step.Acknowledged, detail: 250, number: 7, qos: 1 });
});

test('where that was overwritten, an acknowledgement has an entry of its own, and no other entry is touched', () => {
  const { decisions } = open(EXPLAIN_BYTES_MIN);
  const client = new TestClient('c');
  const late = testDelivery(testMessage('t', 1), 7);
  decisions.sent(client, late);
  for (let i = 0; i < 5000; i += 1) decisions.sent(client, testDelivery(testMessage('u', 1), i + 1000));
  const before = decisions.about('c', 'u');
  decisions.stepped(client, late, Step.Acknowledged);
  assert.deepEqual(
    decisions.about('c', 't').map(({ kind, step, number }) => ({ kind, step, number })),
    [{ kind: DecisionKind.Stepped, step: Step.Acknowledged, number: 7 }],
  );
  const after = decisions.about('c', 'u').map(({ order: _order, ...entry }) => entry);
  assert.deepEqual(
    after,
    before.slice(before.length - after.length).map(({ order: _order, ...entry }) => entry),
  );
});

test('who was refused by which rule is known by name', () => {
  const { decisions } = open();
  decisions.refused(testMessage('t'), 'mallory', { by: RefusedBy.Rule, rule: 3, text: 'deny publish t' });
  decisions.refused(testMessage('t'), 'mallory', { by: RefusedBy.Rule, rule: 3, text: 'deny publish t' });
  decisions.refused(testMessage('t'), 'eve', { by: RefusedBy.Rule, rule: 3, text: 'deny publish t' });
  const entries = decisions.about('c', 't');
  assert.deepEqual(
    entries.map(({ small, number, detail }) => [small, number, ...decisions.name(detail)!]),
    [
      [RefusedBy.Rule, 4, 'mallory', 'deny publish t'],
      [RefusedBy.Rule, 4, 'eve', 'deny publish t'],
    ],
  );
});

test('the memory stays what it is under a flood of new topics and client identifiers, and below what was allowed', () => {
  for (const bytes of [EXPLAIN_BYTES_MIN, 256 * KIB, 1000 * KIB]) {
    const { clock, decisions } = open(bytes);
    const taken = decisions.bytes;
    assert.ok(taken <= bytes && taken > bytes / 2, `${taken} of ${bytes}`);
    for (let i = 0; i < 20_000; i += 1) {
      clock.advance(1);
      const client = new TestClient(`client-${i}`);
      const message = testMessage(`topic/${i}`, 1);
      decisions.opened(client, true);
      decisions.published(new TestTopic(message.topic), message);
      decisions.sent(client, testDelivery(message, 1));
      decisions.rewritten(message.topic, `rewritten/${i}`);
      decisions.closed(client, [{ text: `filter/${i}`, filter: `filter/${i}`, options: { qos: 1, noLocal: false } }]);
    }
    assert.equal(decisions.bytes, taken);
    assert.deepEqual(known(decisions, 'client-0', 'topic/0'), []);
    assert.deepEqual(
      known(decisions, 'client-19999', 'topic/19999').map(([kind]) => kind),
      [
        DecisionKind.Opened,
        DecisionKind.Published,
        DecisionKind.Sent,
        DecisionKind.Rewritten,
        DecisionKind.Unsubscribed,
        DecisionKind.Closed,
      ],
    );
    assert.ok(decisions.reachesBackToMs > clock.wallMs() - 20_000 && decisions.reachesBackToMs < clock.wallMs());
  }
});

test('it reaches back to its beginning until it is full, and forgets everything when the wall clock is set by weeks', () => {
  const { clock, decisions } = open();
  const startMs = clock.wallMs();
  clock.advance(5000);
  decisions.published(new TestTopic('t'), testMessage('t'));
  assert.equal(decisions.reachesBackToMs, startMs);
  clock.jumpWall(60 * 24 * 3600 * 1000);
  clock.advance(1500);
  decisions.published(new TestTopic('t'), testMessage('t'));
  assert.deepEqual(known(decisions, 'c', 't'), [[DecisionKind.Published, 1]]);
  assert.equal(decisions.reachesBackToMs, clock.wallMs());
});

test('against a record of everything: nothing is lost, counted twice, or taken for something else', () => {
  const clients = ['a', 'b', 'c'];
  const topics = ['t', 'u', 'v/w'];
  const kinds = ['published', 'once', 'tallied', 'sent', 'dropped', 'noLocal', 'silenced', 'detached'] as const;
  const step = fc.record({
    kind: fc.constantFrom(...kinds),
    client: fc.constantFrom(...clients),
    topic: fc.constantFrom(...topics),
    afterMs: fc.constantFrom(0, 0, 0, 1, 400, 1500, 3_000_000),
    times: fc.integer({ min: 1, max: 30 }),
  });
  const numberOf = { published: 1, once: 7, tallied: 7, sent: 8, dropped: 12, noLocal: 13, silenced: 5, detached: 17 };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.boolean(), (steps, isSmall) => {
      const { clock, decisions } = open(isSmall ? EXPLAIN_BYTES_MIN : 1024 * KIB);
      const routes = new Map(topics.map((topic) => [topic, new TestTopic(topic)]));
      const tallies = new Map<string, TestTally>();
      const record: { kind: number; client: string; topic: string; atMs: number }[] = [];
      for (const { kind, client, topic, afterMs, times } of steps) {
        clock.advance(afterMs);
        const own = new TestClient(client);
        const key = `${client} ${topic}`;
        if (!tallies.has(key)) tallies.set(key, new TestTally());
        for (let i = 0; i < times; i += 1) {
          const message = testMessage(topic);
          if (kind === 'published') published(decisions, routes.get(topic)!, message);
          else if (kind === 'once') decisions.sentOnce(own, testDelivery(message), null);
          else if (kind === 'tallied') sentOnce(decisions, own, message, tallies.get(key)!);
          else if (kind === 'sent') decisions.sent(own, testDelivery(testMessage(topic, 1), i + 1));
          else if (kind === 'dropped') decisions.dropped(own, testDelivery(message), 'expired');
          else if (kind === 'noLocal') decisions.noLocal(own, message);
          else if (kind === 'silenced') decisions.silenced(message);
          else decisions.detached(own);
          record.push({ kind: numberOf[kind], client, topic, atMs: clock.wallMs() });
        }
      }
      for (const client of clients) {
        for (const topic of topics) {
          const entries = decisions.about(client, topic);
          for (const kind of new Set(Object.values(numberOf))) {
            const wanted = record.filter((each) => {
              const isOfTopic = kind === 1 || kind === 5;
              return each.kind === kind && (isOfTopic || each.client === client) && (kind === 17 || each.topic === topic);
            });
            const own = entries.filter((each) => each.kind === kind);
            if (kind === 1) {
              // Once for all of a second, and never without one.
              assert.ok(wanted.every(({ atMs }) => own.some((each) => atMs >= each.atMs && atMs - each.atMs <= 1000)));
              assert.ok(own.every((each) => wanted.some(({ atMs }) => atMs === each.atMs)));
              continue;
            }
            const isSingle = kind === 8 || kind === 17;
            const total = own.reduce((sum, { detail }) => sum + (isSingle ? 1 : detail), 0);
            assert.equal(total, wanted.length);
            let place = 0;
            for (const { atMs, detail } of own) {
              const count = isSingle ? 1 : detail;
              for (const { atMs: realMs } of wanted.slice(place, place + count)) assert.ok(realMs >= atMs && realMs - atMs <= 1000);
              assert.equal(wanted[place].atMs, atMs);
              place += count;
            }
          }
        }
      }
    }),
    { numRuns: 150 },
  );
});

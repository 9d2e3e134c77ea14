import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { numbered, TestHouse, TestSink } from './test-house.ts';
import { Will } from './will.ts';

function payloads(house: TestHouse): string[] {
  return house.wills.map((will) => will.payload.toString());
}

describe('opening a session', () => {
  test('creates one that is not present, and finds it again [MQTT-3.2.2-2]', async () => {
    const house = new TestHouse();
    const first = house.connect('c');
    assert.equal(first.isPresent, false);
    house.release(first.session);
    const second = house.connect('c');
    assert.deepEqual([second.isPresent, second.session], [true, first.session]);
    assert.equal(house.sessions.size, 1);
    assert.deepEqual([house.counters.sessionsCreated, house.counters.sessionsResumed], [1, 1]);
  });

  test('with Clean Start discards what there was, and its records [MQTT-3.1.2-4]', async () => {
    const house = new TestHouse();
    const { session } = house.connect('c');
    house.subscribe(session, 'a');
    house.release(session);
    for (const payload of numbered('m', 1, 3)) house.offer(session, payload);
    await house.settle();
    const clean = house.connect('c', { cleanStart: true });
    await house.settle();
    assert.deepEqual([clean.isPresent, clean.session === session, clean.sink.sent], [false, false, []]);
    assert.deepEqual([house.ended, session.isEnded], [['c'], true]);
    assert.deepEqual(await house.records(), { session: 1, queue: 0, log: 0 });
    const next = await house.restart();
    assert.deepEqual([next.sessions.size, next.subscriptions.length], [1, 0]);
  });

  test('takes it over from a connection that has it, which is told so [MQTT-3.1.4-3]', () => {
    const house = new TestHouse();
    const first = house.connect('c');
    house.offer(first.session, 'm1');
    const second = house.connect('c');
    assert.equal(first.sink.closedWith, 0x8e);
    assert.deepEqual([second.isPresent, second.session, second.sink.sent], [true, first.session, ['dup:m1']]);
    assert.equal(house.counters.sessionsTakenOver, 1);
    // The connection that lost it finds out late.
    house.sessions.release(first.session, first.sink);
    assert.equal(second.session.sink, second.sink);
  });

  test('takes it over also when the connection that has it lets go at once', () => {
    const house = new TestHouse();
    const { session, sink } = house.connect('c', { will: house.will('w') });
    sink.close = () => house.sessions.release(session, sink);
    const second = house.connect('c');
    assert.equal(session.sink, second.sink);
    assert.deepEqual(payloads(house), ['w']);
  });

  test('is refused to anyone but its owner, who notices nothing (D9)', () => {
    const house = new TestHouse();
    const { session, sink } = house.connect('c', { will: house.will('w') });
    for (const cleanStart of [false, true]) {
      const request = { clientId: 'c', cleanStart, expiryInterval: 0, owner: 'thief', principal: {}, will: null, sink: new TestSink() };
      assert.equal(house.sessions.open(request), null);
    }
    assert.deepEqual([sink.closedWith, session.sink, session.isEnded], [null, sink, false]);
    house.release(session);
    assert.throws(() => house.attach('c', { owner: 'thief' }));
    assert.equal(house.sessions.get('c'), session);
  });

  test('that ends with its connection makes nothing durable, and ends with it', async () => {
    const house = new TestHouse();
    const { session } = house.connect('c', { expiryInterval: 0, will: house.will('w') });
    house.subscribe(session, 'a');
    house.offer(session, 'm1');
    session.state.addIncoming(1);
    await house.settle();
    assert.deepEqual([session.isDurable, house.store.commits], [false, 0]);
    house.release(session);
    await house.settle();
    assert.deepEqual([house.sessions.size, house.ended, payloads(house), house.store.commits], [0, ['c'], ['w'], 0]);
  });

  test('that was durable for a connection with expiry 0 ends with that, and its records go', async () => {
    const house = new TestHouse();
    const { session } = house.connect('c');
    house.release(session);
    house.offer(session, 'm1');
    await house.settle();
    const again = house.connect('c', { expiryInterval: 0 });
    assert.equal(again.isPresent, true);
    house.release(session);
    await house.settle();
    assert.deepEqual([house.sessions.size, await house.records()], [0, { session: 0, queue: 0, log: 0 }]);
  });

  test('durably, when the one that there was is not durable, gives a new one [MQTT-3.1.2-4]', async () => {
    const house = new TestHouse();
    house.connect('c', { expiryInterval: 0 });
    const { session, isPresent } = house.connect('c');
    assert.deepEqual([isPresent, session.isDurable, house.sessions.size], [false, true, 1]);
    house.release(session);
    await house.settle();
    assert.equal((await house.restart()).sessions.size, 1);
  });
});

describe('a session that nobody comes back to', () => {
  test('ends when its expiry interval has passed, not before [MQTT-3.1.2-23]', async () => {
    const house = new TestHouse();
    const { session } = house.connect('c', { expiryInterval: 100 });
    house.clock.advance(1_000_000);
    assert.equal(house.sessions.size, 1);
    house.release(session);
    house.clock.advance(99_999);
    assert.equal(house.sessions.size, 1);
    house.clock.advance(1);
    assert.deepEqual([house.sessions.size, house.counters.sessionsExpired], [0, 1]);
    await house.settle();
    assert.deepEqual(await house.records(), { session: 0, queue: 0, log: 0 });
  });

  test('lives on when someone does, and begins its interval anew', () => {
    const house = new TestHouse();
    const { session } = house.connect('c', { expiryInterval: 100 });
    house.release(session);
    house.clock.advance(60_000);
    house.connect('c', { expiryInterval: 50 });
    house.clock.advance(600_000);
    house.release(session);
    house.clock.advance(49_999);
    assert.equal(house.sessions.size, 1);
    house.clock.advance(1);
    assert.equal(house.sessions.size, 0);
  });

  test('keeps to an interval that DISCONNECT changed', () => {
    const house = new TestHouse();
    const longer = house.connect('longer', { expiryInterval: 10 }).session;
    const ended = house.connect('ended', { expiryInterval: 10 }).session;
    longer.state.setExpiryInterval(1000);
    ended.state.setExpiryInterval(0);
    house.release(longer);
    house.release(ended);
    assert.deepEqual(house.ended, ['ended']);
    house.clock.advance(999_999);
    assert.equal(house.sessions.size, 1);
    house.clock.advance(1);
    assert.equal(house.sessions.size, 0);
  });

  test('never ends with 0xFFFFFFFF, also not through restarts', async () => {
    const house = new TestHouse();
    house.release(house.connect('c', { expiryInterval: 0xffffffff }).session);
    house.clock.advance(10 * 365 * 86_400_000);
    await house.settle();
    const next = await house.restart();
    next.clock.advance(365 * 86_400_000);
    assert.equal(next.sessions.size, 1);
  });

  test('ends in time after a restart, and at once when its hour came while the broker was down', async () => {
    const house = new TestHouse();
    house.release(house.connect('soon', { expiryInterval: 100 }).session);
    house.release(house.connect('later', { expiryInterval: 1000 }).session);
    house.connect('connected', { expiryInterval: 100 });
    await house.settle();
    house.kill();
    house.clock.advance(500_000);
    const next = await house.restart();
    next.clock.advance(0);
    // Who was connected when the broker died has lost the connection only now, as far as anyone can tell.
    assert.deepEqual([...next.sessions].map(({ clientId }) => clientId).sort(), ['connected', 'later']);
    next.clock.advance(100_000);
    assert.deepEqual(
      [...next.sessions].map(({ clientId }) => clientId),
      ['later'],
    );
    next.clock.advance(400_000);
    assert.equal(next.sessions.size, 0);
    await next.settle();
    assert.deepEqual(await next.records(), { session: 0, queue: 0, log: 0 });
  });
});

describe('a will', () => {
  test('on which nobody has decided yet survives a crash; one that is published does not come again', async () => {
    const house = new TestHouse();
    const { promise, resolve } = Promise.withResolvers<void>();
    house.events.onWill = () => promise;
    const { session } = house.connect('c', { will: house.will('w') });
    await house.settle();
    house.release(session);
    await house.settle();
    const crashed = await house.restart();
    crashed.clock.advance(1000);
    await crashed.settle();
    assert.deepEqual(payloads(crashed), ['w']);
    const again = await crashed.restart();
    again.clock.advance(1000);
    await again.settle();
    assert.deepEqual(payloads(again), []);
    resolve();
  });

  test('on which nobody has decided yet is not that of the connection which comes meanwhile', async () => {
    const house = new TestHouse();
    const { promise, resolve } = Promise.withResolvers<void>();
    house.events.onWill = () => promise;
    house.release(house.connect('c', { will: house.will('first') }).session);
    await house.settle();
    house.connect('c', { will: house.will('second') });
    resolve();
    await house.settle();
    const next = await house.restart();
    await next.settle();
    assert.deepEqual(payloads(next), ['second']);
  });

  test('is published at once when the connection is lost, once [MQTT-3.1.2-8] [MQTT-3.1.2-10]', async () => {
    const house = new TestHouse();
    const { session } = house.connect('c', { will: house.will('w') });
    house.release(session);
    assert.deepEqual(payloads(house), ['w']);
    house.clock.advance(10_000_000);
    await house.settle();
    assert.deepEqual([payloads(house), session.isEnded], [['w'], true]);
  });

  test('is not published after DISCONNECT with 0x00 [MQTT-3.14.4-3], but after one with 0x04', async () => {
    const house = new TestHouse();
    const normal = house.connect('normal', { will: house.will('normal', 10) }).session;
    const withWill = house.connect('with will', { will: house.will('with will', 10) }).session;
    normal.state.discardWill();
    for (const session of [normal, withWill]) house.release(session);
    await house.settle();
    const next = await house.restart();
    next.clock.advance(20_000);
    assert.deepEqual(payloads(next), ['with will']);
  });

  const cases = [
    { delay: 10, expiry: 100, at: 10 },
    { delay: 100, expiry: 10, at: 10 },
    { delay: 10, expiry: 10, at: 10 },
    { delay: 10, expiry: 0xffffffff, at: 10 },
    { delay: 0xffffffff, expiry: 10, at: 10 },
    { delay: 10, expiry: 0, at: 0 },
  ];
  for (const { delay, expiry, at } of cases) {
    test(`with delay ${delay} of a session with expiry ${expiry} is published after ${at} s [MQTT-3.1.3-9]`, () => {
      const house = new TestHouse();
      const { session } = house.connect('c', { expiryInterval: expiry, will: house.will('w', delay) });
      house.clock.advance(1_000_000);
      house.release(session);
      if (at > 0) {
        house.clock.advance(at * 1000 - 1);
        assert.deepEqual(payloads(house), []);
        house.clock.advance(1);
      }
      assert.deepEqual(payloads(house), ['w']);
      assert.equal(house.sessions.size, expiry > at ? 1 : 0);
    });

    test(`with delay ${delay} and expiry ${expiry} outlives the broker`, async () => {
      for (const isReleased of [false, true]) {
        const house = new TestHouse();
        const { session } = house.connect('c', { expiryInterval: Math.max(expiry, 1), will: house.will('w', delay) });
        if (isReleased) house.release(session);
        await house.settle();
        const next = await house.restart();
        next.clock.advance(Math.max(at, 1) * 1000);
        assert.deepEqual(payloads(next), ['w']);
        await next.settle();
        const last = await next.restart();
        last.clock.advance(1_000_000_000);
        assert.deepEqual(payloads(last), []);
      }
    });
  }

  test('is not published when the client comes back within the delay, and the new one counts [MQTT-3.1.3-9]', () => {
    const house = new TestHouse();
    const { session } = house.connect('c', { will: house.will('first', 10) });
    house.release(session);
    house.clock.advance(9000);
    house.connect('c', { will: house.will('second', 5) });
    house.clock.advance(100_000);
    house.release(session);
    house.clock.advance(4999);
    assert.deepEqual(payloads(house), []);
    house.clock.advance(1);
    assert.deepEqual(payloads(house), ['second']);
  });

  test('is gone when the client comes back without one, also after a restart', async () => {
    const house = new TestHouse();
    const { session } = house.connect('c', { will: house.will('first', 10) });
    house.release(session);
    await house.settle();
    house.connect('c');
    house.release(session);
    await house.settle();
    const next = await house.restart();
    next.clock.advance(100_000);
    assert.deepEqual(payloads(next), []);
  });

  test('that waits is published when a clean start ends the session', () => {
    const house = new TestHouse();
    const { session } = house.connect('c', { will: house.will('w', 10) });
    house.release(session);
    house.connect('c', { cleanStart: true, will: house.will('new', 10) });
    assert.deepEqual(payloads(house), ['w']);
    house.clock.advance(100_000);
    assert.deepEqual(payloads(house), ['w']);
  });

  test('without delay is published when the session is taken over, one with a delay is not', () => {
    const house = new TestHouse();
    house.connect('at once', { will: house.will('at once') });
    house.connect('at once');
    house.connect('delayed', { will: house.will('delayed', 10) });
    house.connect('delayed');
    house.connect('cleaned', { will: house.will('cleaned', 10) });
    house.connect('cleaned', { cleanStart: true });
    house.clock.advance(100_000);
    assert.deepEqual(payloads(house), ['at once', 'cleaned']);
  });

  test('begins its own expiry when it is published', () => {
    const house = new TestHouse();
    const { session } = house.connect('c', { will: new Will(house.message('w', 1, 5), 10) });
    house.release(session);
    house.clock.advance(10_000);
    assert.equal(house.wills[0].expiresAtMs, house.clock.wallMs() + 5000);
    assert.equal(house.wills[0].receivedAtMs, house.clock.wallMs());
  });
});

describe('after a restart', () => {
  test('a session has its subscriptions, incoming identifiers, owner, principal and expiry', async () => {
    const house = new TestHouse();
    const { session } = house.connect('grün', { principal: { name: 'anna', tags: ['a'] }, expiryInterval: 77 });
    house.clock.advance(5000);
    house.subscribe(session, 'a/+', { qos: 2, noLocal: true, retainHandling: 1, identifier: 9 });
    house.subscribe(session, 'gone');
    house.subscribe(session, '$share/g/b', { qos: 0 });
    house.subscribe(session, 'a/+', { qos: 1, retainAsPublished: true });
    session.state.removeSubscription('gone');
    for (const packetId of [1, 2, 65_535]) session.state.addIncoming(packetId);
    session.state.removeIncoming(2);
    await house.settle();

    const next = await house.restart();
    const restored = next.sessions.get('grün')!;
    assert.deepEqual([restored.state.owner, restored.state.principal], ['owner', { name: 'anna', tags: ['a'] }]);
    assert.deepEqual([restored.state.expiryInterval, restored.state.createdAtMs], [77, session.state.createdAtMs]);
    assert.deepEqual(
      [...restored.state.subscriptions()].map(({ text, filter, group, options }) => ({ text, filter, group, ...options })),
      [
        { text: 'a/+', filter: 'a/+', group: null, qos: 1, noLocal: false, retainAsPublished: true, retainHandling: 0, identifier: 0 },
        { text: '$share/g/b', filter: 'b', group: 'g', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0, identifier: 0 },
      ],
    );
    assert.deepEqual(
      [1, 2, 65_535].map((packetId) => restored.state.hasIncoming(packetId)),
      [true, false, true],
    );
    assert.equal(restored.state.incomingCount, 2);
    // New subscriptions and sessions take no number that is in use.
    next.subscribe(restored, 'new');
    next.connect('another');
    await next.settle();
    const last = await next.restart();
    assert.deepEqual(
      [...last.sessions.get('grün')!.state.subscriptions()].map(({ text }) => text),
      ['a/+', '$share/g/b', 'new'],
    );
    assert.equal(last.sessions.size, 2);
  });

  test('nobody but the owner gets the session', async () => {
    const house = new TestHouse();
    house.connect('c');
    await house.settle();
    const next = await house.restart();
    assert.throws(() => next.attach('c', { owner: 'thief' }));
    assert.equal(next.attach('c').isPresent, true);
  });

  test('removing the last incoming identifier is remembered as well', async () => {
    const house = new TestHouse();
    const { session } = house.connect('c');
    session.state.addIncoming(1);
    await house.settle();
    session.state.removeIncoming(1);
    await house.settle();
    const next = await house.restart();
    assert.equal(next.sessions.get('c')!.state.hasIncoming(1), false);
    assert.equal(next.sessions.get('c')!.state.removeIncoming(1), false);
  });

  test('many sessions share one stored message', async () => {
    const house = new TestHouse();
    const sessions = numbered('c', 1, 50).map((clientId) => house.connect(clientId).session);
    for (const session of sessions) house.release(session);
    const message = house.message('shared');
    for (const session of sessions) house.offerMessage(session, message);
    await house.settle();
    assert.deepEqual(await house.records(), { session: 50, queue: 50, log: 1 });
    const next = await house.restart();
    for (const clientId of numbered('c', 1, 50)) {
      const { session, sink } = next.connect(clientId);
      await next.settle();
      assert.deepEqual(sink.sent, ['shared']);
      session.acknowledge(1);
    }
    await next.settle();
    assert.deepEqual(await next.records(), { session: 50, queue: 0, log: 0 });
  });
});

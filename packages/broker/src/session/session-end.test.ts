import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { numbered, TestGroup, TestHouse } from './test-house.ts';

const nothing = { session: 0, queue: 0, log: 0 };

describe('the end of a session', () => {
  test('frees every record of queue, log and session', async () => {
    const house = new TestHouse();
    const { session } = house.attach('c', { will: house.will('w', 60) });
    session.resume();
    house.subscribe(session, 'a');
    session.state.addIncoming(3);
    house.offer(session, 'sent');
    house.offer(session, 'sent at QoS 2', 2);
    house.release(session);
    for (let from = 1; from <= 1000; from += 200) {
      for (const payload of numbered('m', from, from + 199)) house.offer(session, payload);
      await house.settle();
    }
    session.end();
    await house.settle();
    assert.deepEqual([await house.records(), session.waiting, session.queuedBytes, house.log.records], [nothing, 0, 0, 0]);
    assert.deepEqual(house.ended, ['c']);
  });

  test('frees them also when nothing of the queue was read back since the start', async () => {
    const before = new TestHouse();
    const { session } = before.connect('c');
    for (const payload of numbered('m', 1, 50)) before.offer(session, payload);
    before.offer(session, 'q2', 2);
    await before.settle();
    before.release(session);
    for (let from = 51; from <= 1000; from += 95) {
      for (const payload of numbered('m', from, from + 94)) before.offer(session, payload);
      await before.settle();
    }
    const house = await before.restart();
    house.store.readTurns = 1;
    house.sessions.get('c')!.end();
    await house.settle();
    await house.settle();
    assert.deepEqual([await house.records(), house.log.records], [nothing, 0]);
  });

  test('leaves messages alone that others still need', async () => {
    const before = new TestHouse();
    const sessions = ['a', 'b'].map((clientId) => before.connect(clientId).session);
    for (const session of sessions) before.release(session);
    for (const payload of numbered('m', 1, 600)) {
      const message = before.message(payload);
      for (const session of sessions) before.offerMessage(session, message);
    }
    await before.settle();
    const house = await before.restart({ inflightMax: 1000 });
    house.sessions.get('a')!.end();
    await house.settle();
    const { sink } = house.connect('b');
    await house.settle();
    assert.deepEqual([sink.sent, house.drops], [numbered('m', 1, 600), []]);
  });

  test('in the midst of a reading frees everything as well', async () => {
    const before = new TestHouse();
    const { session } = before.connect('c');
    before.release(session);
    for (const payload of numbered('m', 1, 800)) before.offer(session, payload);
    await before.settle();
    const house = await before.restart();
    house.store.readTurns = 1;
    const again = house.connect('c');
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
    house.release(again.session);
    again.session.end();
    await house.settle();
    await house.settle();
    assert.deepEqual([await house.records(), house.log.records], [nothing, 0]);
  });

  test('while a commit is under way leaves nothing behind', async () => {
    const house = new TestHouse();
    const { session } = house.connect('c');
    await house.settle();
    house.store.isHeld = true;
    house.subscribe(session, 'a');
    house.offer(session, 'q1');
    house.offer(session, 'q2', 2);
    for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
    house.release(session);
    session.end();
    house.store.isHeld = false;
    await house.store.land();
    await house.settle();
    assert.deepEqual([await house.records(), house.log.records], [nothing, 0]);
  });

  test('takes nothing in any more, and counts what comes', () => {
    const house = new TestHouse();
    const { session } = house.connect('c');
    house.release(session);
    session.end();
    house.offer(session, 'late');
    house.offer(session, 'late at QoS 0', 0);
    assert.deepEqual(house.drops, [
      { payload: 'late', reason: 'session-ended' },
      { payload: 'late at QoS 0', reason: 'offline-qos-0' },
    ]);
  });

  test('comes before its own will: a subscription of its own does not get it', async () => {
    const house = new TestHouse();
    const { session } = house.attach('c', { will: house.will('w', 60) });
    const routed: string[] = [];
    const onEnded = house.events.onEnded;
    let isRouted = true;
    house.events.onEnded = (ended) => {
      isRouted = false;
      onEnded(ended);
    };
    house.events.onWill = (_session, will) => {
      if (isRouted) routed.push(will.payload.toString());
      return Promise.resolve();
    };
    house.release(session);
    session.end();
    await house.settle();
    assert.deepEqual(routed, []);
  });
});

describe('a message of a shared group', () => {
  function members(): { house: TestHouse; group: TestGroup } {
    const house = new TestHouse();
    const group = new TestGroup();
    group.other = house.connect('other').session;
    house.groups.set('$share/g/t', group);
    return { house, group };
  }

  test('at QoS 1 that a client has not acknowledged goes to another member when the client goes', async () => {
    const { house, group } = members();
    const { session } = house.connect('c');
    const other = group.other!.sink as unknown as { sent: string[] };
    house.offer(session, 'shared', 1, group);
    house.offer(session, 'own', 1);
    house.offer(session, 'shared at QoS 2', 2, group);
    await house.settle();
    house.release(session);
    assert.deepEqual(group.redelivered, ['shared']);
    assert.deepEqual(other.sent, ['shared']);
    const { sink } = house.connect('c');
    assert.deepEqual(sink.sent, ['dup:own', 'dup:shared at QoS 2']);
    assert.equal(session.acknowledge(1), false);
  });

  test('stays with the client when nobody else is there', async () => {
    const { house, group } = members();
    group.other = null;
    const { session } = house.connect('c');
    house.offer(session, 'shared', 1, group);
    house.release(session);
    assert.deepEqual(house.connect('c').sink.sent, ['dup:shared']);
  });

  test('goes to another member when it is too large for this client', async () => {
    const { house, group } = members();
    const { session, sink } = house.connect('c');
    sink.payloadBytesMax = 3;
    house.offer(session, 'shared', 1, group);
    assert.deepEqual([group.redelivered, house.drops], [['shared'], []]);
    group.other = null;
    house.offer(session, 'nobody', 1, group);
    assert.deepEqual(house.dropsFor('too-large'), ['nobody']);
  });

  for (const expiryInterval of [0, 3600]) {
    test(`goes to another member when a session with expiry ${expiryInterval} ends, sent at QoS 2 excepted [MQTT-4.8.2-5]`, async () => {
      const { house, group } = members();
      const { session, sink } = house.attach('c', { expiryInterval });
      sink.receiveMaximum = 2;
      session.resume();
      house.offer(session, 'sent', 1, group);
      house.offer(session, 'sent at QoS 2', 2, group);
      house.offer(session, 'waiting', 1, group);
      house.offer(session, 'waiting at QoS 2', 2, group);
      house.offer(session, 'own', 1);
      await house.settle();
      session.state.setExpiryInterval(0);
      house.release(session);
      await house.settle();
      assert.deepEqual(group.redelivered, ['sent', 'waiting', 'waiting at QoS 2']);
      for (let packetId = 1; packetId <= 3; packetId += 1) group.other!.acknowledge(packetId);
      await house.settle();
      assert.deepEqual(await house.records(), { session: 1, queue: 0, log: 0 });
    });
  }

  test('that nobody takes when the session ends is counted', async () => {
    const { house, group } = members();
    group.other = null;
    const { session, sink } = house.attach('c', { expiryInterval: 0 });
    sink.receiveMaximum = 1;
    session.resume();
    for (const payload of ['sent', 'waiting']) house.offer(session, payload, 1, group);
    house.offer(session, 'own', 1);
    house.release(session);
    assert.deepEqual(house.dropsFor('no-member'), ['sent', 'waiting']);
    assert.equal(house.counters.dropped['no-member'], 2);
  });

  test('that a hook changed for the one goes to the other as it was before', async () => {
    const { house, group } = members();
    house.events.onOutbound = ({ clientId }, message) => house.message(`${message.payload.toString()} for ${clientId}`, message.qos);
    const { session, sink } = house.connect('c');
    const other = group.other!.sink as unknown as { sent: string[] };
    house.offer(session, 'shared', 1, group);
    await house.settle();
    house.release(session);
    assert.deepEqual([sink.sent, group.redelivered, other.sent], [['shared for c'], ['shared'], ['shared for other']]);
  });

  test('knows its group after a restart', async () => {
    const { house: before, group } = members();
    const { session } = before.connect('c');
    before.subscribe(session, 'x');
    before.subscribe(session, '$share/g/t');
    before.release(session);
    before.offer(session, 'shared', 1, group);
    before.offer(session, 'own', 1);
    await before.settle();
    before.kill();
    const house = new TestHouse(before.limits, before.store.disk, before.clock);
    const next = new TestGroup();
    house.groups.set('$share/g/t', next);
    await house.load();
    next.other = house.connect('other').session;
    house.sessions.get('c')!.end();
    await house.settle();
    assert.deepEqual(next.redelivered, ['shared']);
  });
});

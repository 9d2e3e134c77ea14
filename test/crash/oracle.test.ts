import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { seededRandom } from '@wrenmq/testkit';
import { DeliveryOracle } from './delivery-oracle.ts';
import { idOf, loadMessage, payloadBytes, type LoadMessage } from './load-message.ts';
import { RetainedOracle } from './retained-oracle.ts';
import { SessionOracle } from './session-oracle.ts';
import { WillOracle } from './will-oracle.ts';

function message(sequence: number, qos: 1 | 2 = 1, bytes = 100): LoadMessage {
  return loadMessage({ publisher: 'p', sequence, topic: 'load/p', qos, bytes });
}

test('a message of any size can be told from every other one', () => {
  for (const bytes of [1, 2, 39, 40, 41, 300, 256 * 1024]) {
    const one = message(7, 1, bytes);
    assert.equal(one.payload.length, bytes);
    assert.equal(idOf(one.topic, one.payload), 'p:7');
  }
  assert.equal(idOf('load/p', Buffer.alloc(100)), null);
  const random = seededRandom(1);
  const sizes = Array.from({ length: 2000 }, () => payloadBytes(random));
  assert.ok(Math.min(...sizes) === 1 && Math.max(...sizes) > 64 * 1024);
});

describe('the delivery oracle', () => {
  let oracle: DeliveryOracle;
  const found = (): string[] => oracle.problems.words.map((words) => words.split(':')[0]);

  beforeEach(() => {
    oracle = new DeliveryOracle();
    oracle.subscribing('s', 'load/#', 2);
    oracle.subscribed('s', 'load/#');
  });

  function acknowledge(...messages: LoadMessage[]): void {
    for (const one of messages) {
      oracle.sent(one);
      oracle.acknowledgedBy(one.id);
    }
  }

  function deliver(one: LoadMessage, packet: Partial<{ dup: boolean; qos: number; payload: Buffer; topic: string }> = {}): void {
    oracle.delivered('s', { ...one, dup: false, ...packet });
  }

  test('is content with what is sent, acknowledged and delivered once, in order', () => {
    const all = [message(1), message(2, 2), message(3, 1, 1)];
    acknowledge(...all);
    assert.equal(oracle.owed, 3);
    for (const one of all) deliver(one);
    oracle.finish();
    assert.deepEqual(found(), []);
  });

  test('misses what was acknowledged, not what was only sent', () => {
    acknowledge(message(1));
    oracle.sent(message(2));
    oracle.finish();
    assert.deepEqual([found(), oracle.problems.of('lost')], [['lost'], 1]);
  });

  test('does not miss what came before its acknowledgement', () => {
    oracle.sent(message(1));
    deliver(message(1));
    oracle.acknowledgedBy('p:1');
    oracle.finish();
    assert.deepEqual(found(), []);
  });

  test('finds a changed byte, a changed topic, and what nobody sent', () => {
    const garbled = Buffer.from(message(1).payload);
    garbled[60] ^= 1;
    acknowledge(message(1));
    deliver(message(1), { payload: garbled });
    deliver(message(1), { topic: 'load/other' });
    deliver(message(2));
    assert.deepEqual(found(), ['garbled', 'garbled', 'garbled']);
  });

  test('finds a QoS 2 message that comes twice, whatever the reason', () => {
    acknowledge(message(1, 2));
    deliver(message(1, 2));
    oracle.reconnected('s');
    deliver(message(1, 2), { dup: true });
    assert.deepEqual(found(), ['twice']);
  });

  test('finds a QoS 1 message that comes again without a reason, and accepts DUP, a reconnection and a repetition', () => {
    acknowledge(message(1), message(2), message(3), message(4));
    for (const sequence of [1, 2, 3, 4]) deliver(message(sequence));
    deliver(message(1));
    assert.deepEqual(found(), ['twice']);
    deliver(message(2), { dup: true });
    oracle.sent(message(3));
    deliver(message(3));
    oracle.reconnected('s');
    deliver(message(4));
    assert.deepEqual(found(), ['twice']);
  });

  test('finds an older message after a newer one of the same publisher, topic and QoS', () => {
    acknowledge(message(1), message(2, 2), message(3));
    deliver(message(3));
    deliver(message(2, 2));
    assert.deepEqual(found(), []);
    deliver(message(1));
    assert.deepEqual(found(), ['order']);
  });

  test('accepts an older message that was published again to a subscription that had not been there at the first time', () => {
    oracle.unsubscribing('s', 'load/#');
    oracle.unsubscribed('s', 'load/#');
    oracle.sent(message(1));
    oracle.subscribing('s', 'load/#', 2);
    oracle.subscribed('s', 'load/#');
    oracle.sent(message(2));
    deliver(message(2));
    oracle.sent(message(1));
    deliver(message(1), { dup: true });
    assert.deepEqual(found(), []);
  });

  test('finds a QoS that is not the lower one of message and subscription', () => {
    acknowledge(message(1));
    deliver(message(1), { qos: 2 });
    assert.deepEqual(found(), ['qos']);
  });

  test('owes only to a subscription that was acknowledged before the message was sent and until it was acknowledged', () => {
    oracle.subscribing('late', 'load/#', 1);
    acknowledge(message(1));
    oracle.subscribed('late', 'load/#');
    oracle.sent(message(2));
    oracle.unsubscribing('s', 'load/#');
    oracle.acknowledgedBy('p:2');
    assert.deepEqual([[...oracle.owedTo('s')], [...oracle.owedTo('late')]], [['p:1'], ['p:2']]);
  });

  test('finds a delivery after UNSUBACK, and accepts what was sent before it or while a new SUBSCRIBE was under way', () => {
    acknowledge(message(1));
    oracle.unsubscribing('s', 'load/#');
    acknowledge(message(2));
    oracle.unsubscribed('s', 'load/#');
    deliver(message(1));
    deliver(message(2));
    oracle.sent(message(4));
    oracle.subscribing('s', 'load/#', 2);
    deliver(message(4));
    assert.deepEqual(found(), []);
    oracle.subscribed('s', 'load/#');
    oracle.unsubscribing('s', 'load/#');
    oracle.unsubscribed('s', 'load/#');
    acknowledge(message(5));
    deliver(message(5));
    assert.deepEqual(found(), ['unsubscribed']);
  });

  test('wants a shared message at one member, in any order', () => {
    oracle.subscribing('group', 'shared/#', 1, true);
    oracle.subscribed('group', 'shared/#');
    const shared = [1, 2].map((sequence) => loadMessage({ publisher: 'p', sequence, topic: 'shared/p', qos: 1, bytes: 50 }));
    acknowledge(...shared);
    oracle.delivered('group', { ...shared[1], dup: false });
    oracle.delivered('group', { ...shared[0], dup: false });
    oracle.finish();
    assert.deepEqual(found(), []);
  });

  test('forgives what is lost with a session that was bound to end, not with one that was not', () => {
    acknowledge(message(1));
    oracle.sessionMayEnd('s');
    oracle.finish();
    oracle.sessionEnded('s');
    oracle.finish();
    assert.deepEqual(found(), []);
    oracle.subscribing('t', 'load/#', 1);
    oracle.subscribed('t', 'load/#');
    acknowledge(message(2));
    oracle.sessionLost('t');
    assert.deepEqual(found(), ['lost']);
  });
});

test('the session oracle knows when a session must, must not and may be there', () => {
  const oracle = new SessionOracle('c', 2000);
  oracle.connecting(0);
  oracle.connected(false, 0);
  assert.equal(oracle.expected(100), 'present');
  oracle.disconnected(1000, Infinity);
  assert.deepEqual([oracle.expected(2000), oracle.expected(3000)], ['present', 'either']);
  oracle.disconnected(5000, 5000);
  assert.deepEqual([oracle.expected(2000), oracle.expected(7000), oracle.expected(8000)], ['present', 'either', 'absent']);
  oracle.connected(true, 8000);
  assert.equal(oracle.problems.of('session'), 1);
});

test('the retained oracle takes the last acknowledged value or a later one', () => {
  const oracle = new RetainedOracle();
  oracle.sent('a', '1');
  oracle.check(new Map());
  oracle.acknowledged('a', '1');
  oracle.sent('a', null);
  assert.equal(oracle.mustHold('a'), false);
  oracle.check(new Map([['a', '1']]));
  oracle.check(new Map());
  assert.equal(oracle.problems.total, 0);
  oracle.acknowledged('a', null);
  oracle.check(new Map([['a', '1']]));
  oracle.check(new Map([['b', '1']]));
  assert.equal(oracle.problems.of('retained'), 2);
});

test('the will oracle wants one publication where one is due and none where none is', () => {
  const oracle = new WillOracle();
  for (const will of ['due', 'deleted', 'twice', 'open']) oracle.announced(will);
  oracle.decided('due', 'published');
  oracle.decided('deleted', 'deleted');
  oracle.decided('twice', 'published');
  oracle.published('twice');
  assert.deepEqual(oracle.missing, ['due']);
  oracle.published('twice');
  oracle.published('deleted');
  oracle.published('unknown');
  oracle.finish();
  assert.equal(oracle.problems.of('will'), 4);
});

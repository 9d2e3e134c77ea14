import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketType } from '@wrenmq/codec';
import type { SessionSettings } from './session-contract.ts';
import { TestSession } from './test-session.ts';
import type { TestMessage } from './test-session.ts';

const { PUBACK, PUBREC, PUBCOMP } = PacketType;

interface Row {
  readonly state: 'unsent' | 'sent QoS 1' | 'sent QoS 2' | 'released';
  readonly present: boolean;
  readonly settings?: Partial<SessionSettings>;
  /** What goes out after CONNACK. */
  readonly sent: readonly string[];
  /** How the message has ended, undefined: not yet. */
  readonly end?: string;
  /** What `onSessionLost` tells. */
  readonly news?: string;
}

/** Design section 3.5, the table of what follows a CONNACK. */
const table: readonly Row[] = [
  { state: 'unsent', present: true, sent: ['PUBLISH 2 a q1'] },
  { state: 'sent QoS 1', present: true, sent: ['PUBLISH 1 a q1 dup'] },
  { state: 'sent QoS 2', present: true, sent: ['PUBLISH 1 a q2 dup'] },
  { state: 'released', present: true, sent: ['PUBREL 1'] },
  { state: 'unsent', present: false, sent: ['PUBLISH 1 a q1'], news: 'lost 0 1' },
  { state: 'sent QoS 1', present: false, sent: ['PUBLISH 1 a q1'], news: 'lost 1 0' },
  { state: 'sent QoS 1', present: false, settings: { onLost: 'fail' }, sent: [], end: 'failed SESSION_LOST', news: 'lost 0 1' },
  { state: 'sent QoS 1', present: false, settings: { onLost: 'drop' }, sent: [], end: 'acknowledged 0 lost', news: 'lost 0 0' },
  { state: 'sent QoS 2', present: false, sent: [], end: 'failed SESSION_LOST', news: 'lost 0 1' },
  { state: 'sent QoS 2', present: false, settings: { onLostExactlyOnce: 'republish' }, sent: ['PUBLISH 1 a q2'], news: 'lost 1 0' },
  { state: 'released', present: false, sent: [], end: 'acknowledged 16 lost', news: 'lost 0 0' },
  {
    state: 'released',
    present: false,
    settings: { onLostExactlyOnce: 'republish' },
    sent: [],
    end: 'acknowledged 16 lost',
    news: 'lost 0 0',
  },
];

/** A session with one message in that state, whose connection is gone. */
function prepare(row: Row, version: 4 | 5): { session: TestSession; message: TestMessage } {
  const session = new TestSession({ version, maxInflight: 1, ...row.settings }).connect();
  let message: TestMessage;
  if (row.state === 'unsent') {
    session.publish('blocker', 2);
    message = session.publish('a', 1);
  } else {
    message = session.publish('a', row.state === 'sent QoS 1' ? 1 : 2);
  }
  session.output();
  if (row.state === 'released') {
    session.receive({ type: PUBREC, packetId: 1, reasonCode: version === 5 ? 0x10 : 0 });
    assert.deepEqual(session.sent(), ['PUBREL 1']);
  }
  session.session.closed();
  return { session, message };
}

for (const version of [4, 5] as const) {
  for (const row of table) {
    const title = `MQTT ${version}: ${row.state}, session ${row.present ? 'present' : 'lost'}${row.settings === undefined ? '' : `, ${JSON.stringify(row.settings)}`}`;
    test(`${title} [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-3.2.2-5] [MQTT311-4.4.0-1] [MQTT311-3.3.1-1]`, () => {
      const { session, message } = prepare(row, version);
      session.news.length = 0;
      session.connect({}, row.present);
      if (row.state === 'unsent' && row.present) {
        assert.deepEqual(session.sent(), ['PUBLISH 1 blocker q2 dup']);
        session.receive({ type: PUBREC, packetId: 1, reasonCode: 0 }, { type: PUBCOMP, packetId: 1, reasonCode: 0 });
        assert.deepEqual(session.sent(), ['PUBREL 1', 'PUBLISH 1 a q1']);
      } else {
        assert.deepEqual(session.sent(), row.sent);
      }
      const end = version === 4 ? row.end?.replace('16', '0') : row.end;
      assert.deepEqual(message.calls.slice(1), end === undefined ? [] : [end]);
      assert.deepEqual(session.news, [`connected ${row.present}`, ...(row.news === undefined ? [] : [row.news])]);
      assert.equal(session.session.inflight, row.sent.length);
    });
  }
}

test('what was in flight goes again in its order, within the quota, whatever the packet identifiers [MQTT-4.6.0-1] [MQTT311-4.6.0-1]', () => {
  const session = new TestSession().connect();
  const topics = ['a', 'b', 'c', 'd', 'e'];
  session.publish('first', 1);
  for (const topic of topics) session.publish(topic, 1);
  session.receive({ type: PUBACK, packetId: 1, reasonCode: 0 });
  session.publish('last', 1);
  assert.equal(session.sent().at(-1), 'PUBLISH 1 last q1');
  session.reconnect({ receiveMaximum: 2 });
  assert.deepEqual(session.sent(), ['PUBLISH 2 a q1 dup', 'PUBLISH 3 b q1 dup']);
  session.receive({ type: PUBACK, packetId: 3, reasonCode: 0 });
  assert.deepEqual(session.sent(), ['PUBLISH 4 c q1 dup']);
  session.receive({ type: PUBACK, packetId: 2, reasonCode: 0 }, { type: PUBACK, packetId: 4, reasonCode: 0 });
  assert.deepEqual(session.sent(), ['PUBLISH 5 d q1 dup', 'PUBLISH 6 e q1 dup']);
  session.receive({ type: PUBACK, packetId: 5, reasonCode: 0 });
  assert.deepEqual(session.sent(), ['PUBLISH 1 last q1 dup']);
});

test('fault C: what is published while old messages go again survives another cut, in order', () => {
  const session = new TestSession({ maxInflight: 2 }).connect();
  session.publish('a', 1);
  session.publish('b', 1);
  session.reconnect();
  const message = session.publish('c', 1);
  assert.deepEqual(session.sent(), ['PUBLISH 1 a q1 dup', 'PUBLISH 2 b q1 dup']);
  session.reconnect();
  session.receive({ type: PUBACK, packetId: 1, reasonCode: 0 });
  assert.deepEqual(session.sent(), ['PUBLISH 1 a q1 dup', 'PUBLISH 2 b q1 dup', 'PUBLISH 1 c q1']);
  session.receive({ type: PUBACK, packetId: 2, reasonCode: 0 }, { type: PUBACK, packetId: 1, reasonCode: 0 });
  assert.deepEqual(message.calls, ['stored 3', 'acknowledged 0']);
});

test('a lost session does not make more room than the quota has', () => {
  const session = new TestSession({ onLost: 'fail' }).connect({ receiveMaximum: 2 });
  for (let count = 0; count < 5; count++) session.publish('a', 1);
  assert.equal(session.sent().length, 2);
  session.reconnect({ receiveMaximum: 2 }, false);
  assert.equal(session.sent().length, 2);
  assert.equal(session.session.inflight, 2);
  assert.equal(session.session.queued, 1);
});

test('messages of a lost session keep their place before those that were never sent', () => {
  const session = new TestSession({ maxInflight: 2 }).connect();
  for (const topic of ['a', 'b', 'c', 'd']) session.publish(topic, 1);
  session.reconnect({}, false);
  assert.deepEqual(session.sent(), ['PUBLISH 1 a q1', 'PUBLISH 2 b q1']);
  session.receive({ type: PUBACK, packetId: 2, reasonCode: 0 }, { type: PUBACK, packetId: 1, reasonCode: 0 });
  assert.deepEqual(session.sent(), ['PUBLISH 2 c q1', 'PUBLISH 1 d q1']);
});

test("resume 'always': PUBREL frees a packet identifier before its first QoS 2 message, and the order stays", () => {
  const session = new TestSession({ resume: 'always' });
  session.publish('a', 2);
  session.session.open({}, session.now);
  assert.deepEqual(session.sent(), ['CONNECT resume']);
  session.receive({ type: PacketType.CONNACK, reasonCode: 0, sessionPresent: true });
  session.publish('b', 2);
  session.publish('c', 1);
  assert.deepEqual(session.sent(), ['PUBREL 1', 'PUBREL 2']);
  session.receive({ type: PUBCOMP, packetId: 2, reasonCode: 0x92 });
  assert.deepEqual(session.sent(), []);
  session.receive({ type: PUBCOMP, packetId: 1, reasonCode: 0x92 });
  assert.deepEqual(session.sent(), ['PUBLISH 1 a q2', 'PUBLISH 2 b q2', 'PUBLISH 3 c q1']);
  session.receive({ type: PUBREC, packetId: 1, reasonCode: 0 }, { type: PUBCOMP, packetId: 1, reasonCode: 0 });
  session.publish('d', 2);
  assert.deepEqual(session.sent(), ['PUBREL 1', 'PUBLISH 1 d q2']);
});

test('a PUBREL that frees a packet identifier goes again when the connection breaks before PUBCOMP', () => {
  const session = new TestSession({ resume: 'always' }).connect({}, true);
  session.publish('a', 2);
  assert.deepEqual(session.sent(), ['PUBREL 1']);
  session.reconnect();
  assert.deepEqual(session.sent(), ['PUBREL 1']);
  session.receive({ type: PUBCOMP, packetId: 1, reasonCode: 0 });
  assert.deepEqual(session.sent(), ['PUBLISH 1 a q2']);
});

test('fault G: PUBCOMP with 0x92 completes a message whose PUBREC has come', () => {
  const session = new TestSession().connect();
  const message = session.publish('a', 2);
  session.receive({ type: PUBREC, packetId: 1, reasonCode: 0 }, { type: PUBCOMP, packetId: 1, reasonCode: 0x92 });
  assert.deepEqual(message.calls, ['stored 1', 'acknowledged 0']);
});

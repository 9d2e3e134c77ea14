import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketType, encodePacket } from '@wrenmq/codec';
import type { ConnectPacket, Packet } from '@wrenmq/codec';
import type { ConnectIdentity, SessionSettings } from './session-contract.ts';
import { TestSession } from './test-session.ts';

const { CONNACK, AUTH, DISCONNECT, PINGRESP } = PacketType;

function connectOf(settings: Partial<SessionSettings>, identity: ConnectIdentity = {}): ConnectPacket {
  const session = new TestSession(settings);
  session.session.open(identity, session.now);
  const [packet] = session.output();
  assert.equal(packet.type, PacketType.CONNECT);
  return packet;
}

test('CONNECT says what was configured [MQTT-3.1.0-1]', () => {
  const will = { topic: 'w', payload: new Uint8Array([1]), qos: 1 as const, retain: true, properties: { willDelayInterval: 5 } };
  const password = new Uint8Array([7]);
  const identity = { username: 'u', password, authMethod: 'm', authData: new Uint8Array([8]) };
  const settings = { keepAlive: 60, receiveMaximum: 10, maxPacketSize: 1_000, will, userProperties: [['a', 'b']] as const };
  assert.deepEqual(connectOf(settings, identity), {
    type: PacketType.CONNECT,
    version: 5,
    clientId: 'c',
    cleanStart: true,
    keepAlive: 60,
    will,
    username: 'u',
    password,
    properties: {
      sessionExpiryInterval: 100,
      receiveMaximum: 10,
      maximumPacketSize: 1_000,
      topicAliasMaximum: 32,
      requestResponseInformation: true,
      userProperties: [['a', 'b']],
      authenticationMethod: 'm',
      authenticationData: new Uint8Array([8]),
    },
  });
  const { properties, cleanStart } = connectOf({ version: 4, will: { ...will, retain: false } }, { username: 'u', password });
  assert.deepEqual([properties, cleanStart], [undefined, false]);
});

test('clean start: what is known is resumed, nothing else; MQTT 3.1.1 starts clean only where the session need not live on', () => {
  const starts: readonly (readonly [Partial<SessionSettings>, boolean, boolean])[] = [
    [{ resume: 'auto' }, true, false],
    [{ resume: 'always' }, false, false],
    [{ resume: 'never' }, true, true],
    [{ resume: 'auto', version: 4 }, false, false],
    [{ resume: 'auto', version: 4, sessionExpiry: 0 }, true, true],
    [{ resume: 'auto', version: 4, clientId: '' }, true, true],
    [{ resume: 'always', version: 4, sessionExpiry: 0 }, false, false],
    [{ resume: 'never', version: 4 }, true, true],
  ];
  for (const [settings, isFirstClean, isSecondClean] of starts) {
    const session = new TestSession(settings);
    for (const isClean of [isFirstClean, isSecondClean]) {
      session.session.open({}, session.now);
      assert.deepEqual(session.sent(), [isClean ? 'CONNECT clean' : 'CONNECT resume'], JSON.stringify(settings));
      session.receive({ type: CONNACK, reasonCode: 0, sessionPresent: false });
      session.session.closed();
    }
  }
});

test('session present after a clean start breaks the rules [MQTT-3.2.2-2] [MQTT-3.2.2-4]', () => {
  const session = new TestSession().connect({}, true);
  assert.deepEqual(session.news, ['rejected PROTOCOL']);
  assert.deepEqual(session.session.isConnected, false);
});

test('the client identifier that the broker assigned stays [MQTT-3.2.2-16]', () => {
  const session = new TestSession({ clientId: '' }).connect({ assignedClientIdentifier: 'assigned' });
  assert.equal(session.session.clientId, 'assigned');
  session.session.closed();
  session.session.open({}, session.now);
  const [packet] = session.output();
  assert.equal((packet as ConnectPacket).clientId, 'assigned');
  assert.equal((packet as ConnectPacket).cleanStart, false);
});

test('a refusal is told with its reason, in MQTT 3.1.1 under the reason codes of MQTT 5; nothing is read after it', () => {
  const session = new TestSession().connect();
  session.session.closed();
  session.session.open({}, session.now);
  session.receive({ type: CONNACK, reasonCode: 0x9d, sessionPresent: false, properties: { serverReference: 'x', reasonString: 'go' } });
  assert.equal(session.error?.code, 'REFUSED');
  assert.equal(session.error.reasonCode, 0x9d);
  assert.equal(session.error.message, 'go (ServerMoved)');
  assert.deepEqual(session.rejection, { serverReference: 'x', reasonString: 'go' });
  session.receive({ type: CONNACK, reasonCode: 0, sessionPresent: true });
  assert.equal(session.session.isConnected, false);
  for (const [returnCode, reasonCode] of [0x84, 0x85, 0x88, 0x86, 0x87].entries()) {
    const old = new TestSession({ version: 4 });
    old.session.open({}, old.now);
    old.receive({ type: CONNACK, reasonCode: returnCode + 1, sessionPresent: false });
    assert.equal(old.error?.reasonCode, reasonCode);
    assert.equal(old.error.retryable, reasonCode === 0x88);
  }
});

test('the version may change until a broker has accepted one', () => {
  const session = new TestSession();
  session.session.version = 4;
  session.session.open({}, session.now);
  assert.deepEqual(session.session.takeOutput()?.subarray(4, 9), new Uint8Array([0x4d, 0x51, 0x54, 0x54, 4]));
});

test('nothing but CONNACK and AUTH may come first, nothing out of place later [MQTT-3.2.0-1] [MQTT311-3.2.0-1]', () => {
  const early = new TestSession();
  early.session.open({}, early.now);
  early.receive({ type: PINGRESP });
  assert.deepEqual(early.news, ['rejected PROTOCOL']);
  const misplaced: readonly Packet[] = [
    { type: CONNACK, reasonCode: 0, sessionPresent: false },
    { type: PacketType.PINGREQ },
    {
      type: PacketType.SUBSCRIBE,
      packetId: 1,
      filters: [{ filter: 'a', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
    },
    { type: AUTH, reasonCode: 0x18, properties: { authenticationMethod: 'm' } },
  ];
  for (const packet of misplaced) {
    const session = new TestSession().connect().receive(packet);
    assert.deepEqual(session.news, ['connected false', 'rejected PROTOCOL']);
    assert.deepEqual(session.sent(), ['DISCONNECT 0x82']);
  }
  const old = new TestSession({ version: 4 }).connect();
  old.session.receive(new Uint8Array([0xe0, 0]), old.now);
  assert.deepEqual(old.news, ['connected false', 'rejected PROTOCOL']);
  assert.deepEqual(old.sent(), []);
});

test('a packet above our Maximum Packet Size ends the connection with 0x95 [MQTT-3.1.2-24]', () => {
  const session = new TestSession({ maxPacketSize: 20 }).connect();
  const packet = {
    type: PacketType.PUBLISH,
    topic: 'a',
    payload: new Uint8Array(30),
    qos: 0,
    retain: false,
    dup: false,
    packetId: 0,
  } as const;
  session.receive(packet);
  assert.deepEqual(session.sent(), ['DISCONNECT 0x95']);
});

test("the broker's DISCONNECT is told with its reason and server reference [MQTT-3.14.4-3]", () => {
  const session = new TestSession().connect();
  session.receive({ type: DISCONNECT, reasonCode: 0x8e, properties: { serverReference: 'other' } });
  assert.equal(session.error?.code, 'DISCONNECTED');
  assert.equal(session.error.reasonCode, 0x8e);
  assert.deepEqual(session.rejection, { serverReference: 'other' });
  assert.deepEqual(session.sent(), []);
});

test('disconnect sends DISCONNECT and nothing after it [MQTT-3.14.4-2]', () => {
  const session = new TestSession().connect();
  session.session.disconnect(4, 7);
  const waiting = session.publish('a', 1);
  assert.deepEqual(session.output(), [{ type: DISCONNECT, reasonCode: 4, properties: { sessionExpiryInterval: 7 } }]);
  assert.deepEqual(waiting.calls, ['stored 1']);
  const old = new TestSession({ version: 4 }).connect();
  old.session.disconnect(4, 7);
  assert.deepEqual(old.session.takeOutput(), new Uint8Array([0xe0, 0]));
  const short = new TestSession({ sessionExpiry: 0 }).connect();
  short.session.disconnect(0xff, 7);
  assert.deepEqual(short.output(), [{ type: DISCONNECT, reasonCode: 0x80 }]);
});

test('a password without a user name cannot travel in MQTT 3.1.1: that is told, not thrown', () => {
  const session = new TestSession({ version: 4 });
  session.session.open({ password: new Uint8Array(1) }, session.now);
  assert.deepEqual(session.news, ['rejected INVALID']);
});

test('enhanced authentication: challenge and answer before CONNACK, and a new round later [MQTT-4.12.0-3] [MQTT-4.12.1-1]', () => {
  const session = new TestSession();
  session.session.open({ authMethod: 'm' }, session.now);
  session.output();
  const challenge: Packet = {
    type: AUTH,
    reasonCode: 0x18,
    properties: { authenticationMethod: 'm', authenticationData: new TextEncoder().encode('who') },
  };
  session.receive(challenge);
  assert.deepEqual(session.news, ['authenticate who']);
  session.session.authenticate(new Uint8Array([1]));
  session.session.authenticate(new Uint8Array([2]));
  assert.deepEqual(session.output(), [
    { type: AUTH, reasonCode: 0x18, properties: { authenticationMethod: 'm', authenticationData: new Uint8Array([1]) } },
  ]);
  session.receive({ type: CONNACK, reasonCode: 0, sessionPresent: false, properties: { authenticationMethod: 'm' } });
  session.session.authenticate(undefined);
  assert.deepEqual(session.output(), [{ type: AUTH, reasonCode: 0x19, properties: { authenticationMethod: 'm' } }]);
  session.receive({ type: AUTH, reasonCode: 0, properties: { authenticationMethod: 'm' } });
  assert.deepEqual(session.news, ['authenticate who', 'connected false']);
  session.receive({ type: AUTH, reasonCode: 0x18, properties: { authenticationMethod: 'other' } });
  assert.deepEqual(session.sent(), ['DISCONNECT 0x82']);
});

test('PINGREQ goes out at half the interval, whatever else does, and rtt is the time to its answer [MQTT-3.1.2-20] [MQTT311-3.1.2-23]', () => {
  const session = new TestSession({ keepAlive: 10 }).connect();
  const { now } = session;
  assert.equal(session.session.nextTick, now + 5_000);
  session.session.tick(now + 4_999);
  assert.deepEqual(session.sent(), []);
  session.session.tick(now + 5_000);
  assert.deepEqual(session.sent(), ['PINGREQ']);
  assert.equal(session.session.rtt, -1);
  session.now = now + 5_040;
  session.receive({ type: PINGRESP });
  assert.equal(session.session.rtt, 40);
  assert.equal(session.session.nextTick, now + 10_000);
});

test('Server Keep Alive counts, 0 turns it off [MQTT-3.2.2-21]', () => {
  const session = new TestSession({ keepAlive: 10 }).connect({ serverKeepAlive: 2 });
  assert.equal(session.session.nextTick, session.now + 1_000);
  assert.equal(new TestSession({ keepAlive: 10 }).connect({ serverKeepAlive: 0 }).session.nextTick, undefined);
  assert.equal(new TestSession({ keepAlive: 0 }).connect().session.nextTick, undefined);
});

test('a broker that is silent for the whole interval after PINGREQ is given up; anything that comes is a sign of life', () => {
  const session = new TestSession({ keepAlive: 10 }).connect();
  const { now } = session;
  session.session.tick(now + 5_000);
  session.now = now + 9_000;
  session.receive({ type: PacketType.PUBLISH, topic: 'a', payload: new Uint8Array(0), qos: 0, retain: false, dup: false, packetId: 0 });
  session.session.tick(now + 15_000);
  assert.deepEqual(session.news, ['connected false']);
  session.session.tick(now + 19_000);
  assert.equal(session.error?.code, 'DISCONNECTED');
  assert.equal(session.session.nextTick, undefined);
});

test('fault E: while the driver does not read, PINGREQ goes out and a missing PINGRESP means nothing', () => {
  const session = new TestSession({ keepAlive: 10 }).connect();
  const { now } = session;
  session.session.setReading(false, now);
  for (let elapsed = 5_000; elapsed <= 100_000; elapsed += 5_000) session.session.tick(now + elapsed);
  assert.equal(session.sent().length, 20);
  session.session.setReading(true, now + 100_000);
  session.session.tick(now + 109_999);
  assert.deepEqual(session.news, ['connected false']);
  session.session.tick(now + 110_000);
  assert.equal(session.error?.code, 'DISCONNECTED');
});

test("output is gathered: many packets leave in one piece, and the piece is the taker's to keep", () => {
  const session = new TestSession().connect();
  const expected: number[] = [];
  for (let count = 0; count < 1_000; count++) {
    const payload = new Uint8Array([count, count >> 8]);
    session.publish('a', 0, { payload });
    const packet = { type: PacketType.PUBLISH, topic: 'a', payload, qos: 0, retain: false, dup: false, packetId: 0 } as const;
    expected.push(...encodePacket(packet, 5));
  }
  assert.equal(session.session.outputBytes, expected.length);
  const bytes = session.session.takeOutput()!;
  session.publish('b', 0);
  session.output();
  assert.deepEqual([...bytes], expected);
  assert.equal(session.session.takeOutput(), undefined);
});

test('the next connection is read from the start, whatever became of the last', () => {
  const session = new TestSession({ keepAlive: 10 }).connect();
  session.session.setReading(false, session.now);
  session.reconnect();
  session.session.tick(session.now + 5_000);
  session.session.tick(session.now + 15_000);
  assert.equal(session.error?.code, 'DISCONNECTED');
});

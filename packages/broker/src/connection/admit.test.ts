import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConnackPacket, type ConnectPacket, type Packet, PacketType, ReasonCode } from '@wrenmq/codec';
import { EMBEDDER } from '#hooks/order.ts';
import { ConnectionState } from './connection-state.ts';
import { type TestClient, TestHouse, type TestHouseOptions } from './test-house.ts';

const { CONNECT, CONNACK, DISCONNECT, PUBLISH } = PacketType;

type Request = Partial<Omit<ConnectPacket, 'type' | 'version'>>;

async function connect(
  house: TestHouse,
  version: 3 | 4 | 5,
  request: Request = {},
): Promise<{ client: TestClient; connack: ConnackPacket; rest: Packet[] }> {
  const client = house.client(version);
  client.send({ type: CONNECT, version, clientId: 'c', cleanStart: true, keepAlive: 60, ...request });
  const [connack, ...rest] = await client.answers();
  assert.equal(connack?.type, CONNACK);
  return { client, connack, rest };
}

async function admitted(options: TestHouseOptions, version: 3 | 4 | 5, request: Request = {}) {
  const house = await TestHouse.open(options);
  return { house, ...(await connect(house, version, request)) };
}

test('CONNACK tells the limits, and of the capabilities only what is missing', async () => {
  const { connack } = await admitted({}, 5);
  assert.deepEqual({ ...connack.properties }, { receiveMaximum: 20, maximumPacketSize: 1_000_000, topicAliasMaximum: 10 });
  const capabilities = {
    maximumQoS: 1,
    retainAvailable: false,
    wildcardSubscriptionAvailable: false,
    subscriptionIdentifierAvailable: false,
    sharedSubscriptionAvailable: false,
  } as const;
  const { connack: poor } = await admitted({ capabilities }, 5);
  for (const [name, value] of Object.entries(capabilities)) assert.equal(poor.properties?.[name as keyof typeof capabilities], value, name);
});

test('a client without an identifier gets one, and MQTT 5 hears which [MQTT-3.2.2-16]', async () => {
  const { connack, client } = await admitted({}, 5, { clientId: '' });
  assert.equal(connack.properties?.assignedClientIdentifier, 'assigned');
  assert.equal(client.connection.client?.facts.clientId, 'assigned');
  const { connack: old } = await admitted({}, 4, { clientId: '' });
  assert.equal(old.reasonCode, 0);
});

test('an empty client identifier without a clean session is refused [MQTT311-3.1.3-8], in MQTT 3.1 always', async () => {
  assert.equal((await admitted({}, 4, { clientId: '', cleanStart: false })).connack.reasonCode, 2);
  assert.equal((await admitted({}, 3, { clientId: '' })).connack.reasonCode, 2);
});

test('a client identifier over the limit is refused with 0x85', async () => {
  const { connack } = await admitted({ limits: { clientIdBytesMax: 5 } }, 5, { clientId: 'éééé' });
  assert.equal(connack.reasonCode, ReasonCode.ClientIdentifierNotValid);
});

test('keep alive: the client decides, unless the broker prescribes one [MQTT-3.2.2-21] or a longest one', async () => {
  const cases: [TestHouseOptions['limits'], number, number | undefined, number][] = [
    [{}, 60, undefined, 90_000],
    [{}, 0, undefined, 0],
    [{ serverKeepAlive: 10 }, 60, 10, 15_000],
    [{ serverKeepAlive: 0 }, 60, 0, 0],
    [{ keepAliveMax: 100 }, 60, undefined, 90_000],
    [{ keepAliveMax: 30 }, 60, 30, 45_000],
    [{ keepAliveMax: 30 }, 0, 30, 45_000],
    [{ keepAliveMultiplier: 2 }, 60, undefined, 120_000],
  ];
  for (const [limits, keepAlive, told, inForceMs] of cases) {
    const { connack, client } = await admitted({ limits: limits! }, 5, { keepAlive });
    assert.deepEqual(
      [connack.properties?.serverKeepAlive, client.connection.keepAliveMs],
      [told, inForceMs],
      JSON.stringify({ limits, keepAlive }),
    );
  }
});

test('MQTT 3 clients, who cannot be told, keep their own keep alive [MQTT-3.2.2-22]', async () => {
  const { client } = await admitted({ limits: { serverKeepAlive: 10, keepAliveMax: 5 } }, 4, { keepAlive: 60 });
  assert.equal(client.connection.keepAliveMs, 90_000);
});

test('session expiry: what the client asks for up to the maximum, and it hears when it gets less', async () => {
  const cases: [number | undefined, number, number | undefined][] = [
    [undefined, 0, undefined],
    [50, 50, undefined],
    [100, 100, undefined],
    [101, 100, 100],
    [0xffffffff, 100, 100],
  ];
  for (const [asked, granted, told] of cases) {
    const properties = asked === undefined ? {} : { sessionExpiryInterval: asked };
    const { client, connack } = await admitted({ limits: { expiryIntervalMax: 100 } }, 5, { properties });
    assert.equal(client.connection.client?.session.state.expiryInterval, granted);
    assert.equal(connack.properties?.sessionExpiryInterval, told);
  }
});

test('session expiry of MQTT 3: none with a clean session, else the default up to the maximum', async () => {
  const expiry = async (cleanStart: boolean, expiryIntervalMax: number): Promise<number | undefined> =>
    (await admitted({ limits: { expiryIntervalMax } }, 4, { cleanStart })).client.connection.client?.session.state.expiryInterval;
  assert.equal(await expiry(true, 9999), 0);
  assert.equal(await expiry(false, 9999), 7200);
  assert.equal(await expiry(false, 100), 100);
});

test('response information is sent to who asks for it, when there is some [MQTT-3.1.2-28]', async () => {
  const server = { responseInformation: 'answers/here' };
  const asks = { properties: { requestResponseInformation: true } };
  assert.equal((await admitted({ server }, 5, asks)).connack.properties?.responseInformation, 'answers/here');
  assert.equal((await admitted({ server }, 5)).connack.properties?.responseInformation, undefined);
  assert.equal((await admitted({}, 5, asks)).connack.properties?.responseInformation, undefined);
});

test('a broker that takes no new clients says so with its code, and where to go instead', async () => {
  const house = await TestHouse.open({ server: { serverReference: 'other:1883' } });
  house.refusal = ReasonCode.UseAnotherServer;
  const { connack, client } = await connect(house, 5);
  assert.deepEqual([connack.reasonCode, connack.properties?.serverReference], [ReasonCode.UseAnotherServer, 'other:1883']);
  assert.equal(client.link.isEnded, true);
  assert.equal(house.below.base.sessions.size, 0);
  assert.equal((await connect(house, 4)).connack.reasonCode, 3);
});

test('Session Present tells the truth, and what was unfinished follows the CONNACK [MQTT-3.2.0-1]', async () => {
  const house = await TestHouse.open();
  const session = { cleanStart: false, properties: { sessionExpiryInterval: 100 } };
  const first = await connect(house, 5, session);
  assert.equal(first.connack.sessionPresent, false);
  await house.below.subscribe(first.client.connection.client!, 't');
  first.client.connection.onClose(null);
  house.below.publish((await house.below.connect('p')).client, { topic: 't', qos: 1 });
  const second = await connect(house, 5, session);
  assert.equal(second.connack.sessionPresent, true);
  const [message] = second.rest.length > 0 ? second.rest : await second.client.answers();
  assert.ok(message?.type === PUBLISH && message.topic === 't');
});

test('a second connection takes the session over, and the first hears 0x8E', async () => {
  const house = await TestHouse.open();
  const first = await connect(house, 5);
  await connect(house, 5);
  const [last] = await first.client.answers();
  assert.ok(last?.type === DISCONNECT && last.reasonCode === ReasonCode.SessionTakenOver);
  assert.equal(first.client.link.isEnded, true);
});

test('a connection that is lost while it is decided is never heard of, and leaves no will', async () => {
  const house = await TestHouse.open();
  const told: string[] = [];
  house.below.hooks.register(EMBEDDER, 'client.connected', ({ clientId }) => void told.push(`+${clientId}`));
  house.below.hooks.register(EMBEDDER, 'client.disconnected', ({ clientId }) => void told.push(`-${clientId}`));
  house.below.base.store.isHeld = true;
  const client = house.client(5);
  const will = { topic: 'will', payload: Buffer.from('x'), qos: 0, retain: false } as const;
  client.send({ type: CONNECT, version: 5, clientId: 'c', cleanStart: true, keepAlive: 0, will, properties: { sessionExpiryInterval: 9 } });
  await client.answers();
  assert.equal(client.connection.state, ConnectionState.Connecting);
  client.connection.onClose(null);
  house.below.base.store.isHeld = false;
  await house.below.base.store.land();
  await house.below.base.settle();
  assert.deepEqual(told, []);
  assert.equal(house.below.base.counters.willsPublished, 0);
  assert.equal(house.below.base.sessions.get('c')?.isConnected, false);
});

test('what is logged of a client that is refused is counted by its reason', async () => {
  const house = await TestHouse.open();
  house.below.authenticator.admitsAll = false;
  const { connack } = await connect(house, 5);
  assert.equal(connack.reasonCode, ReasonCode.NotAuthorized);
  assert.equal(house.services.counters.refused['not-authorized'], 1);
});

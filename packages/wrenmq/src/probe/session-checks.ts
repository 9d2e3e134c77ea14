import { PacketType } from '@wrenmq/codec';
import type { Check, CheckGroup, Finding } from './check.ts';
import { type Client, type ConnectWish, hex, type ProbeRoom } from './probe-room.ts';

const payload = Buffer.from('will');
/** Seconds for sessions that the probe makes: it takes them away itself, this is for the case that it cannot. */
const EXPIRY = 60;

/** A client whose session outlives its connection, in the way of each version. */
function durable(room: ProbeRoom, wish: ConnectWish = {}): Promise<Client> {
  const expiry = room.version === 5 ? { properties: { sessionExpiryInterval: EXPIRY } } : {};
  return room.connect({ cleanStart: false, ...expiry, ...wish });
}

const sessionResumed: Check = {
  key: 'sessionResumed',
  title: 'keeps sessions and their messages',
  async ask(room) {
    const topic = room.topic();
    const first = await durable(room);
    await first.session.subscribe(topic);
    await first.session.settle(PacketType.PUBLISH);
    first.session.disconnect();
    const publisher = await room.connect();
    await publisher.session.publish({ topic });
    const second = await durable(room, { clientId: first.clientId });
    if (!second.connack.sessionPresent) return { value: false, note: 'session present is not set' };
    const message = await room.receive(second.session, topic).catch(() => null);
    return message === null ? { value: false, note: 'what came meanwhile is lost' } : { value: true };
  },
};

const sessionTakeover: Check = {
  key: 'sessionTakeover',
  title: 'take-over: the first connection is',
  async ask(room) {
    const first = await room.connect();
    const packet = room.connectPacket({ clientId: first.clientId });
    const second = await room.open();
    const connack = await second.connect(packet);
    if (connack === null || connack.reasonCode !== 0) return { value: 'kept, the second is refused' };
    const answer = await first.session.next(({ type }) => type === PacketType.DISCONNECT);
    return { value: answer?.type === PacketType.DISCONNECT ? `closed, DISCONNECT ${hex(answer.reasonCode)}` : 'closed without a word' };
  },
};

const will: Check = {
  key: 'will',
  title: 'will messages',
  async ask(room) {
    const topic = room.topic();
    const watcher = await room.subscriber(topic);
    const dying = await room.connect({ will: { topic, payload, qos: 1, retain: false } });
    dying.session.cut();
    return { value: (await room.receive(watcher.session, topic)) !== null };
  },
};

const willDelay: Check = {
  key: 'willDelay',
  title: 'will delay',
  versions: [5],
  async ask(room) {
    const topic = room.topic();
    const watcher = await room.subscriber(topic);
    const dying = await room.connect({
      will: { topic, payload, qos: 1, retain: false, properties: { willDelayInterval: 1 } },
      properties: { sessionExpiryInterval: EXPIRY },
    });
    const cutAt = performance.now();
    dying.session.cut();
    const came = await room.receive(watcher.session, topic).catch(() => null);
    if (came === null) return { value: false, note: 'it never came' };
    const waited = performance.now() - cutAt;
    return { value: waited > 800, note: `it came after ${(waited / 1000).toFixed(1)} s, where 1 s was asked for` };
  },
};

/** Seconds. A server closes after one and a half times this. */
const KEEP_ALIVE = 1;
/** Some brokers look only every few seconds. */
const KEEP_ALIVE_PATIENCE_MS = 8000;

const keepAliveEnforced: Check = {
  key: 'keepAliveEnforced',
  title: 'enforces the keep alive',
  async ask(room): Promise<Finding> {
    const { session } = await room.connect({ keepAlive: KEEP_ALIVE });
    const silentSince = performance.now();
    const answer = await session.next(({ type }) => type === PacketType.DISCONNECT, KEEP_ALIVE_PATIENCE_MS).catch(() => undefined);
    const waited = ((performance.now() - silentSince) / 1000).toFixed(1);
    if (answer === undefined) return { value: false, note: `it was still there after ${waited} s, where 1.5 s are the limit` };
    const how = answer?.type === PacketType.DISCONNECT ? `DISCONNECT ${hex(answer.reasonCode)}` : 'without a word';
    return { value: true, note: `${how} after ${waited} s, where 1.5 s are the limit` };
  },
};

const emptyClientId: Check = {
  key: 'emptyClientId',
  title: 'accepts an empty client id',
  async ask(room) {
    const session = await room.open();
    const connack = await session.connect(room.connectPacket({ clientId: '' }));
    return { value: connack?.reasonCode === 0 };
  },
};

export const sessions: CheckGroup = {
  title: 'Sessions',
  checks: [sessionResumed, sessionTakeover, will, willDelay, keepAliveEnforced, emptyClientId],
};

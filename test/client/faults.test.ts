/**
 * Faults of client libraries (design of the client, section 3.1), one script each, which a broker plays that says what the script says. The
 * same scripts run with MQTT.js show that they can find the fault: what they see there is written beside what must be.
 *
 * Nothing sleeps. That something is not sent is seen by what comes in its place: a message of QoS 0 published after it (a barrier), or PINGREQ.
 */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { bounded, type ClientPacket, ScriptedTcpBroker, type ScriptedLine } from './faults-broker.ts';
import { type Library, mqttJs, type TestedClient, type TestedOptions, wrenMq } from './faults-libraries.ts';

interface Fault {
  readonly title: string;
  readonly options?: TestedOptions;
  /** Plays the broker, and gives what it has seen. */
  readonly play: (broker: ScriptedTcpBroker, client: TestedClient) => Promise<unknown>;
  readonly upheld: unknown;
  /** What MQTT.js does. */
  readonly inMqttJs: unknown;
}

const topicsOf = (packets: readonly ClientPacket[]): string[] =>
  packets.filter((packet) => packet.type === 'publish').map(({ topic }) => topic);
const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index}`);

/** What a promise came to. */
async function outcome(promise: Promise<unknown>): Promise<string> {
  return bounded(
    promise.then(
      () => 'resolved',
      (error: Error & { code?: unknown }) => (typeof error.code === 'string' ? error.code : error.message),
    ),
    'the end of a promise',
  );
}

/** Everything that the client has to send before this: a message of QoS 0 waits for no acknowledgement. */
async function barrier(line: ScriptedLine, client: TestedClient): Promise<ClientPacket[]> {
  await bounded(client.online(), 'the connection');
  // What a client collects in a turn has left after it.
  await new Promise(setImmediate);
  void client.publish('barrier', '', 0);
  return (await line.until('publish', ({ topic }) => topic === 'barrier')).slice(0, -1);
}

/** Acknowledges messages of QoS 1 as they come, up to the last of so many. */
async function acknowledgeAll(line: ScriptedLine, count: number): Promise<ClientPacket[]> {
  const packets: ClientPacket[] = [];
  while (packets.length < count) {
    const packet = await line.take('publish');
    packets.push(packet);
    line.acknowledge('puback', packet);
  }
  return packets;
}

const faults: readonly Fault[] = [
  {
    title: 'A: no more messages are in flight than Receive Maximum allows, in order [MQTT-3.3.4-7]',
    async play(broker, client) {
      const line = await broker.line();
      await line.accept(false, { receiveMaximum: 3 });
      await client.online();
      const published = numbers(10).map((topic) => client.publish(topic, 'x', 1));
      const unacknowledged = await barrier(line, client);
      for (const packet of unacknowledged) if (packet.type === 'publish') line.acknowledge('puback', packet);
      const rest = await acknowledgeAll(line, 10 - unacknowledged.length);
      await bounded(Promise.all(published), 'acknowledgements');
      return { inFlight: unacknowledged.length, topics: [...topicsOf(unacknowledged), ...topicsOf(rest)] };
    },
    upheld: { inFlight: 3, topics: numbers(10) },
    inMqttJs: { inFlight: 10, topics: numbers(10) },
  },
  {
    title: 'A: nothing is sent that is larger than Maximum Packet Size, and whoever published it is told [MQTT-3.2.2-15]',
    async play(broker, client) {
      const line = await broker.line();
      await line.accept(false, { maximumPacketSize: 100 });
      await client.online();
      await client.publish('fits', 'x'.repeat(80), 0);
      const large = outcome(client.publish('large', 'x'.repeat(500), 0));
      return { sent: topicsOf(await barrier(line, client)), large: await large };
    },
    upheld: { sent: ['fits'], large: 'TOO_LARGE' },
    inMqttJs: { sent: ['fits', 'large'], large: 'resolved' },
  },
  {
    title: 'B: a resumed session sends again at once, in order, with DUP, and is online before the answers [MQTT-3.3.1-1], [MQTT-4.4.0-1]',
    options: { keepAlive: 1 },
    async play(broker, client) {
      const first = await broker.line();
      await first.accept(false);
      await client.online();
      const published = numbers(10).map((topic) => client.publish(topic, 'x', 1));
      await first.until('publish', ({ topic }) => topic === '9');
      first.cut();
      const second = await broker.line();
      await second.accept(true);
      const atOnce = (await second.until('pingreq')).slice(0, -1);
      const { isOnline } = client;
      for (const packet of atOnce) if (packet.type === 'publish') second.acknowledge('puback', packet);
      const all = [...atOnce, ...(await acknowledgeAll(second, 10 - atOnce.length))];
      await bounded(Promise.all(published), 'acknowledgements');
      const dups = all.map((packet) => packet.type === 'publish' && packet.dup);
      return { atOnce: atOnce.length, isOnline, topics: topicsOf(all), dups: [...new Set(dups)] };
    },
    upheld: { atOnce: 10, isOnline: true, topics: numbers(10), dups: [true] },
    inMqttJs: { atOnce: 1, isOnline: false, topics: numbers(10), dups: [false] },
  },
  {
    title: 'C: what is published while a session is being resumed is not lost when the connection drops again',
    async play(broker, client) {
      const first = await broker.line();
      await first.accept(false);
      await client.online();
      const earlier = numbers(3).map((topic) => client.publish(topic, 'x', 1));
      await first.until('publish', ({ topic }) => topic === '2');
      first.cut();
      const second = await broker.line();
      await second.accept(true);
      await second.take('publish');
      const during = outcome(client.publish('during', 'x', 1));
      second.cut();
      const third = await broker.line();
      await third.accept(true);
      await acknowledgeAll(third, 3);
      await bounded(Promise.all(earlier), 'acknowledgements');
      const last = client.publish('last', 'x', 1);
      const topics: string[] = [];
      for (let topic = ''; topic !== 'last'; topics.push(topic)) {
        const packet = await third.take('publish');
        ({ topic } = packet);
        third.acknowledge('puback', packet);
      }
      await bounded(last, 'acknowledgements');
      return { topics, during: await during };
    },
    upheld: { topics: ['during', 'last'], during: 'resolved' },
    inMqttJs: { topics: ['last'], during: 'Connection closed' },
  },
  {
    title: 'D: a filter that was granted beside one that was refused is subscribed to again when the session is lost',
    async play(broker, client) {
      const first = await broker.line();
      await first.accept(false);
      await client.online();
      const subscribed = client.subscribe(['good', 'bad'], () => {});
      const subscribe = await first.take('subscribe');
      first.grant(subscribe, ...subscribe.filters.map((filter) => (filter === 'good' ? 1 : 0x87)));
      await bounded(subscribed, 'the answer');
      first.cut();
      const second = await broker.line();
      await second.accept(false);
      const packets = await barrier(second, client);
      return packets.flatMap((packet) => (packet.type === 'subscribe' ? packet.filters : []));
    },
    upheld: ['good'],
    inMqttJs: [],
  },
  {
    title: 'E: a handler that takes longer than one and a half keep alives does not end a healthy connection',
    options: { keepAlive: 1 },
    async play(broker, client) {
      const line = await broker.line();
      await line.accept(false);
      await client.online();
      const handler = Promise.withResolvers<void>();
      const subscribed = client.subscribe(['slow'], () => handler.promise);
      line.grant(await line.take('subscribe'), 1);
      await subscribed;
      line.deliver({ topic: 'slow', qos: 1, packetId: 1 });
      // Half a keep alive apart at the most: the answer to each but the last has come by the time of the next.
      let pings = 0;
      for (let packet = await line.next(); packet !== null && pings < 5; packet = await line.next()) {
        if (packet.type === 'pingreq') pings += 1;
        assert.notEqual(packet.type, 'puback', 'the handler is not done');
      }
      handler.resolve();
      if (pings < 5) return 'the client has closed it';
      await line.take('puback');
      return 'it stays';
    },
    upheld: 'it stays',
    inMqttJs: 'the client has closed it',
  },
  {
    title: 'F: closing while offline ends, whatever is unacknowledged, and so does every promise',
    options: { reconnectDelay: 60_000 },
    async play(broker, client) {
      const line = await broker.line();
      await line.accept(false);
      await client.online();
      const published = client.publish('unacknowledged', 'x', 1);
      published.catch(() => undefined);
      await line.take('publish');
      mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
      try {
        line.cut();
        while (client.isOnline) await new Promise(setImmediate);
        // Nearly until another attempt.
        let close = 'pending';
        void client.close().then(() => (close = 'ended'));
        for (let second = 1; second < 60; second += 1) {
          mock.timers.tick(1_000);
          await new Promise(setImmediate);
        }
        return close === 'ended' ? { close, published: await outcome(published) } : { close };
      } finally {
        mock.timers.reset();
      }
    },
    upheld: { close: 'ended', published: 'CLOSED' },
    inMqttJs: { close: 'pending' },
  },
  {
    title: 'G: when the session is lost after PUBREC there is no orphan PUBREL, and the message counts as accepted [MQTT-3.2.2-5]',
    async play(broker, client) {
      const first = await broker.line();
      await first.accept(false);
      await client.online();
      const published = outcome(client.publish('accepted', 'x', 2));
      first.acknowledge('pubrec', await first.take('publish'));
      await first.take('pubrel');
      first.cut();
      const second = await broker.line();
      await second.accept(false);
      const seen: string[] = [];
      void client.publish('barrier', '', 0);
      for (let topic = ''; topic !== 'barrier';) {
        const packet = await second.next();
        assert.ok(packet !== null, 'the client has closed');
        if (packet.type === 'publish') ({ topic } = packet);
        else seen.push(packet.type);
        // Packet Identifier not found: as a broker answers that knows nothing of it.
        if (packet.type === 'pubrel') second.acknowledge('pubcomp', packet, 0x92);
      }
      return { seen, published: await published };
    },
    upheld: { seen: [], published: 'resolved' },
    inMqttJs: { seen: ['pubrel'], published: 'Publish error: Packet Identifier not found' },
  },
  {
    title: 'H: many filters are subscribed to again in few packets',
    async play(broker, client) {
      const filters = numbers(50);
      const first = await broker.line();
      await first.accept(false);
      await client.online();
      const subscribed = client.subscribe(filters, () => {});
      for (let granted = 0; granted < 50;) {
        const subscribe = await first.take('subscribe');
        granted += subscribe.filters.length;
        first.grant(subscribe, ...subscribe.filters.map(() => 1));
      }
      await bounded(subscribed, 'the answer');
      first.cut();
      const second = await broker.line();
      await second.accept(false);
      const packets: string[][] = [];
      while (packets.flat().length < 50) packets.push([...(await second.take('subscribe')).filters]);
      return { packets: packets.length, filters: packets.flat().toSorted((a, b) => Number(a) - Number(b)) };
    },
    upheld: { packets: 1, filters: numbers(50) },
    inMqttJs: { packets: 50, filters: numbers(50) },
  },
  {
    title: 'H: a second consumer of a filter gets its retained messages, and the first does not get them again',
    async play(broker, client) {
      const line = await broker.line();
      await line.accept(false);
      await client.online();
      const seen: string[] = [];
      const consume = async (name: string): Promise<void> => {
        const subscribed = client.subscribe(['state'], () => void seen.push(name));
        for (const packet of await barrier(line, client)) {
          if (packet.type !== 'subscribe') continue;
          const { subscriptionIdentifier } = packet;
          line.grant(packet, 1);
          const properties = subscriptionIdentifier === 0 ? {} : { subscriptionIdentifiers: [subscriptionIdentifier] };
          line.deliver({ topic: 'state', payload: 'kept', qos: 1, packetId: 1, retain: true, properties });
          await line.take('puback');
        }
        await bounded(subscribed, 'the answer');
      };
      await consume('first');
      await consume('second');
      return seen;
    },
    upheld: ['first', 'second'],
    inMqttJs: ['first'],
  },
];

async function run(library: Library, { options, play }: Fault): Promise<unknown> {
  await using broker = await ScriptedTcpBroker.start();
  const client = library.open(broker.url, options);
  try {
    return await play(broker, client);
  } finally {
    await client.destroy();
  }
}

for (const fault of faults) {
  test(`fault ${fault.title}`, async () => assert.deepEqual(await run(wrenMq, fault), fault.upheld));
  test(`fault ${fault.title.slice(0, 2)} the same script finds it in MQTT.js`, async () => {
    assert.notDeepEqual(fault.inMqttJs, fault.upheld);
    assert.deepEqual(await run(mqttJs, fault), fault.inMqttJs);
  });
}

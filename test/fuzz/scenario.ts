import assert from 'node:assert/strict';
import fc from 'fast-check';
import { acknowledgementBytes, type ProtocolVersion, publishBytes, subscribeBytes } from '@wrenmq/testkit';
import { hex, type MemoryClient, turns, until } from './memory-client.ts';
import { MemoryHouse } from './memory-house.ts';
import { mutate, mutation } from './mutations.ts';
import { anyPacket, connect, goodConnect, versions } from './packets.ts';
import { integerFrom } from './seed.ts';
import { readStream } from './stream.ts';

/** How a stream reaches the broker. */
export type Chunking = 'whole' | 'packets' | 'bytes' | 'random';

/** What one connection sends. */
export interface Script {
  readonly version: ProtocolVersion;
  readonly packets: readonly Buffer[];
  readonly chunking: Chunking;
  readonly seed: number;
}

/** Small limits, so that they are met. */
export const fuzzSettings = {
  limits: {
    packetBytesMax: '4KiB',
    connectPacketBytesMax: '2KiB',
    topicLevelsMax: 10,
    subscriptionsPerClientMax: 20,
    outboxBytesMax: '64KiB',
  },
  session: { inflightMax: 4, receiveMaximum: 5, awaitingPubrelMax: 5, queueMessagesMax: 30, expiryMax: '1h', expiryDefault: '1h' },
  mqtt: { topicAliasMaximum: 3 },
};

/** Why a broker may end a connection: never for an error of its own (0x80, 0x83), never without a word of the standard. */
// 0x88 and 3 go to a client that is replaced by another of its name before it is let in; 3 also says what MQTT 3 has no code for.
const connackCodes = [0x81, 0x82, 0x84, 0x85, 0x86, 0x87, 0x88, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b];
const returnCodes = [1, 2, 3, 4, 5];
const disconnectCodes = new Set([0x81, 0x82, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0xa1, 0xa2]);

/** A script of mutated and valid packets, mostly after a CONNECT that is accepted. */
export const script: fc.Arbitrary<Script> = fc.constantFrom(...versions).chain((version) => {
  const mutated = (packet: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> =>
    fc.tuple(packet, fc.array(mutation, { minLength: 1, maxLength: 3 })).map(([bytes, list]) => list.reduce(mutate, bytes));
  const first = fc.oneof(
    { weight: 6, arbitrary: goodConnect(version) },
    { weight: 1, arbitrary: connect(version) },
    { weight: 2, arbitrary: mutated(connect(version)) },
    { weight: 1, arbitrary: anyPacket(version) },
  );
  const next = fc.oneof({ weight: 3, arbitrary: anyPacket(version) }, { weight: 2, arbitrary: mutated(anyPacket(version)) });
  return fc
    .tuple(first, fc.array(next, { maxLength: 8 }), fc.constantFrom<Chunking>('whole', 'packets', 'bytes', 'random'), fc.nat())
    .map(([opening, rest, chunking, seed]) => ({ version, packets: [opening, ...rest], chunking, seed }));
});

/** A broker under fuzz, with a client that must not notice. */
export class FuzzHouse implements AsyncDisposable {
  house: MemoryHouse;
  #healthy: MemoryClient;
  #rounds = 0;

  private constructor(house: MemoryHouse, healthy: MemoryClient) {
    this.house = house;
    this.#healthy = healthy;
  }

  static async open(): Promise<FuzzHouse> {
    const house = await MemoryHouse.open(fuzzSettings);
    return new FuzzHouse(house, await connectHealthy(house));
  }

  /** Plays the scripts at the same time, each on a connection of its own, and checks what must hold. */
  play(scripts: readonly Script[]): Promise<void> {
    return this.attempt(() => this.#play(scripts));
  }

  /** After a failure the next attempts meet a new broker, or shrinking would find what the first one has broken. */
  async attempt(body: () => Promise<void>): Promise<void> {
    try {
      await body();
    } catch (error) {
      this.house = await MemoryHouse.open(fuzzSettings);
      this.#healthy = await connectHealthy(this.house);
      throw error;
    }
  }

  async #play(scripts: readonly Script[]): Promise<void> {
    const clients = scripts.map(() => this.house.client(5));
    const streams = scripts.map((one) => Buffer.concat(one.packets));
    const facts = streams.map(readStream);
    facts.forEach(({ version }, index) => {
      clients[index].version = version ?? 5;
    });
    const pieces = scripts.map((one, index) => piecesOf(one, streams[index]));
    for (let round = 0; pieces.some((list) => round < list.length); round += 1) {
      pieces.forEach((list, index) => {
        if (round < list.length) clients[index].link.feed(list[round]);
      });
      // Some of the pieces come in the same turn, some do not.
      if (round % 7 === 0) await turns(1);
    }
    await turns();
    for (const [index, client] of clients.entries()) await this.#check(client, facts[index]);
    for (const { link } of clients) link.cut();
    await until(() => clients.every(({ link }) => link.isClosed));
    await this.checkHealth();
  }

  /** Nobody else is connected, and the broker serves. */
  async checkHealth(): Promise<void> {
    this.#rounds += 1;
    const { house } = this;
    assert.deepEqual(house.errors, []);
    const packetId = 1 + (this.#rounds % 65_535);
    const healthy = this.#healthy;
    healthy.packets.length = 0;
    healthy.send(publishBytes(5, { topic: 'health/check', qos: 1, packetId, payload: `${this.#rounds}` }));
    const message = await healthy.packet('publish');
    assert.equal(message.payload.toString(), `${this.#rounds}`);
    assert.equal((await healthy.packet('puback')).packetId, packetId);
    healthy.send(acknowledgementBytes('puback', message.packetId));
    await healthy.alive();
    assert.equal(house.kernel.table.size, 1);
  }

  /** Lets every session that was left behind expire: then nothing may be left but the healthy client. */
  async checkNothingIsLeft(): Promise<void> {
    const { kernel, clock } = this.house;
    for (let step = 0; step < 3; step += 1) {
      clock.leap(3600_000);
      await turns(20);
    }
    assert.deepEqual(this.house.errors, []);
    assert.equal(kernel.sessions.size, 1, 'sessions are left');
    assert.equal(kernel.router.subscriptions, 1, 'subscriptions are left');
    assert.ok(clock.pending <= 4, `${clock.pending} timers wait`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.house[Symbol.asyncDispose]();
  }

  async #check(client: MemoryClient, { version, isUnfinished, hasDisconnect }: ReturnType<typeof readStream>): Promise<void> {
    if (client.violation !== null) throw client.violation;
    const isAdmitted = client.packets.some((packet) => packet.type === 'connack' && packet.reasonCode === 0);
    if (!client.link.isEnded) {
      // It may wait for the rest of a packet; else it must answer.
      if (isAdmitted && !isUnfinished) await client.alive();
      return;
    }
    if (version === null) assert.equal(client.packets.length, 0, 'a stream without CONNECT was answered');
    const { last } = client;
    if (isAdmitted && version === 5 && last?.type !== 'disconnect') assert.ok(hasDisconnect, 'the connection was closed without a word');
    if (last?.type === 'disconnect') assert.ok(disconnectCodes.has(last.reasonCode), `DISCONNECT ${hex(last.reasonCode)}`);
    if (last?.type === 'connack' && last.reasonCode !== 0) {
      assert.ok((version === 5 ? connackCodes : returnCodes).includes(last.reasonCode), `CONNACK ${hex(last.reasonCode)}`);
    }
  }
}

async function connectHealthy(house: MemoryHouse): Promise<MemoryClient> {
  const healthy = await house.connect(5, { clientId: 'healthy' });
  healthy.send(subscribeBytes(5, 1, [{ filter: 'health/check', qos: 1 }]));
  await healthy.packet('suback');
  return healthy;
}

/** The reads in which a stream arrives. */
export function piecesOf({ packets, chunking, seed }: Script, stream: Buffer): readonly Buffer[] {
  if (chunking === 'whole') return [stream];
  if (chunking === 'packets') return packets;
  const below = integerFrom(seed);
  const pieces: Buffer[] = [];
  for (let at = 0; at < stream.length;) {
    const size = chunking === 'bytes' ? 1 : 1 + below(stream.length);
    pieces.push(stream.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

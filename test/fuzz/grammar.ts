import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type AcknowledgementName,
  acknowledgementBytes,
  authBytes,
  connectBytes,
  disconnectBytes,
  pingreqBytes,
  type ProtocolVersion,
  publishBytes,
  type QoS,
  type ServerPacket,
  subscribeBytes,
  unsubscribeBytes,
} from '@wrenmq/testkit';
import { hex, turns } from './memory-client.ts';
import { type FuzzHouse, fuzzSettings } from './scenario.ts';
import { versions } from './packets.ts';

/** A valid packet; what is illegal is at most its place. */
type Command =
  | { readonly do: 'connect' | 'ping' | 'disconnect' | 'auth' }
  | { readonly do: 'subscribe' | 'unsubscribe'; readonly packetId: number; readonly filters: readonly string[] }
  | { readonly do: 'publish'; readonly packetId: number; readonly qos: QoS }
  | { readonly do: AcknowledgementName; readonly packetId: number };

export interface GrammarScript {
  readonly version: ProtocolVersion;
  readonly clean: boolean;
  readonly commands: readonly Command[];
}

const packetId = fc.integer({ min: 1, max: 7 });
const filters = fc.array(fc.constantFrom('sub/a', 'sub/b', 'sub/+/c', '$share/g/sub/a'), { minLength: 1, maxLength: 3 });
const plain = (name: 'connect' | 'ping' | 'disconnect' | 'auth'): fc.Arbitrary<Command> => fc.constant({ do: name });
const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('publish' as const), packetId, qos: fc.constantFrom<QoS>(0, 1, 2) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('puback', 'pubrec', 'pubrel', 'pubcomp'), packetId }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('subscribe', 'unsubscribe'), packetId, filters }) },
  { weight: 2, arbitrary: plain('ping') },
  { weight: 1, arbitrary: plain('connect') },
  { weight: 1, arbitrary: plain('disconnect') },
  { weight: 1, arbitrary: plain('auth') },
);

/** Valid packets in any order, mostly behind a CONNECT. */
export const grammarScript: fc.Arbitrary<GrammarScript> = fc.record({
  version: fc.constantFrom(...versions),
  clean: fc.boolean(),
  commands: fc.oneof(
    { weight: 9, arbitrary: fc.array(anyCommand, { maxLength: 25 }).map((list): Command[] => [{ do: 'connect' }, ...list]) },
    { weight: 1, arbitrary: fc.array(anyCommand, { minLength: 1, maxLength: 3 }) },
  ),
});

/** What a server that keeps to the standard answers, packet by packet: much simpler than one. */
class Model {
  readonly answers: string[] = [];
  isClosed = false;
  readonly #version: ProtocolVersion;
  readonly #subscriptions = new Set<string>();
  readonly #incoming = new Set<number>();
  #isConnected = false;

  constructor(version: ProtocolVersion) {
    this.#version = version;
  }

  take(command: Command): void {
    if (this.isClosed) return;
    if (!this.#isConnected) {
      if (command.do === 'connect') this.#say('connack 0x00');
      else this.isClosed = true;
      this.#isConnected = true;
      return;
    }
    switch (command.do) {
      case 'connect':
      case 'auth':
        // AUTH does not exist before MQTT 5.
        return this.#refuse(command.do === 'auth' && this.#version < 5 ? 0x81 : 0x82);
      case 'ping':
        return this.#say('pingresp');
      case 'disconnect':
        this.isClosed = true;
        return undefined;
      case 'subscribe':
        return this.#subscribe(command.packetId, command.filters);
      case 'unsubscribe':
        return this.#unsubscribe(command.packetId, command.filters);
      case 'publish':
        return this.#publish(command.packetId, command.qos);
      case 'pubrel':
        return this.#say(`pubcomp ${command.packetId} ${this.#code(this.#incoming.delete(command.packetId) ? 0 : 0x92)}`);
      case 'pubrec':
        return this.#say(`pubrel ${command.packetId} ${this.#code(0x92)}`);
      case 'puback':
      case 'pubcomp':
        // Nothing was sent to the client: it is passed over.
        return undefined;
    }
  }

  /** Ends with this answer, which it does not give by itself. */
  end(answer: string): void {
    this.#say(answer);
    this.isClosed = true;
  }

  #subscribe(id: number, list: readonly string[]): void {
    const isInUse = this.#version === 5 && this.#incoming.has(id);
    if (!isInUse) for (const filter of list) this.#subscriptions.add(filter);
    this.#say(`suback ${id} ${list.map(() => (isInUse ? '0x91' : '0x01')).join(' ')}`);
  }

  #unsubscribe(id: number, list: readonly string[]): void {
    if (this.#version < 5) return this.#say(`unsuback ${id} `);
    const isInUse = this.#incoming.has(id);
    return this.#say(
      `unsuback ${id} ${list.map((filter) => (isInUse ? '0x91' : this.#subscriptions.delete(filter) ? '0x00' : '0x11')).join(' ')}`,
    );
  }

  #publish(id: number, qos: QoS): void {
    if (qos === 0) return;
    const isKnown = this.#incoming.has(id);
    if (qos === 1) {
      if (isKnown && this.#version < 5) return this.#refuse(0x82);
      if (!isKnown && this.#isOver()) return this.#refuse(0x93);
      return this.#say(`puback ${id} ${isKnown ? '0x91' : this.#code(0x10)}`);
    }
    if (!isKnown && this.#isOver()) return this.#refuse(0x93);
    this.#incoming.add(id);
    // A repeated PUBLISH is only known again.
    return this.#say(`pubrec ${id} ${isKnown ? '0x00' : this.#code(0x10)}`);
  }

  #isOver(): boolean {
    return this.#incoming.size >= fuzzSettings.session.receiveMaximum;
  }

  #code(code: number): string {
    return hex(this.#version === 5 ? code : 0);
  }

  #refuse(code: number): void {
    if (this.#version === 5) this.#say(`disconnect ${hex(code)}`);
    this.isClosed = true;
  }

  #say(answer: string): void {
    this.answers.push(answer);
  }
}

/** Sends the script in one piece, and compares every answer, in order, with the model's. */
export function playGrammar(fuzz: FuzzHouse, script: GrammarScript): Promise<void> {
  return fuzz.attempt(() => play(fuzz, script));
}

async function play(fuzz: FuzzHouse, { version, clean, commands }: GrammarScript): Promise<void> {
  const clientId = fuzz.house.name('grammar');
  const client = fuzz.house.client(version);
  const model = new Model(version);
  for (const one of commands) model.take(one);
  client.send(...commands.map((one) => bytesOf(one, version, { clientId, clean })));
  // How many turns the disk takes depends on what else is on its way there.
  for (let turn = 0; turn < 200 && client.packets.length < model.answers.length && !client.link.isEnded; turn += 1) await turns(1);
  await turns();
  if (client.violation !== null) throw client.violation;
  const answers = client.packets.map(describe);
  if (!clean && answers.at(-1) === 'disconnect 0x93' && model.answers.at(-1) !== 'disconnect 0x93') {
    // Acknowledgements wait for the disk, and what was sent meanwhile was over the Receive Maximum: the model acknowledges at once.
    const sent = commands.filter((one) => one.do === 'publish' && one.qos > 0).length;
    assert.ok(sent > fuzzSettings.session.receiveMaximum, `0x93 after ${sent} PUBLISH`);
    model.end('disconnect 0x93');
  }
  if (clean || !model.isClosed) assert.deepEqual(answers, model.answers);
  else assertCutShort(answers, model.answers);
  assert.equal(client.link.isEnded, model.isClosed);
  client.link.cut();
  await client.link.whenClosed;
  await fuzz.checkHealth();
}

/** What a durable session waits for the disk with is not said any more when the connection ends before that. */
function assertCutShort(answers: readonly string[], expected: readonly string[]): void {
  const end = expected.at(-1)?.startsWith('disconnect') === true ? 1 : 0;
  assert.deepEqual(answers.slice(answers.length - end), expected.slice(expected.length - end));
  const said = answers.slice(0, answers.length - end);
  assert.deepEqual(said, expected.slice(0, said.length));
}

function bytesOf(one: Command, version: ProtocolVersion, { clientId, clean }: { clientId: string; clean: boolean }): Buffer {
  switch (one.do) {
    case 'connect':
      return connectBytes(version, { clientId, clean, properties: { sessionExpiryInterval: clean ? 0 : 60 } });
    case 'ping':
      return pingreqBytes();
    case 'disconnect':
      return disconnectBytes();
    case 'auth':
      return authBytes(0x19, { authenticationMethod: 'X' });
    case 'subscribe':
      return subscribeBytes(
        version,
        one.packetId,
        one.filters.map((filter) => ({ filter, qos: 1 })),
      );
    case 'unsubscribe':
      return unsubscribeBytes(version, one.packetId, one.filters);
    case 'publish':
      return publishBytes(version, { topic: 'pub', qos: one.qos, packetId: one.packetId });
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return acknowledgementBytes(one.do, one.packetId);
  }
}

function describe(packet: ServerPacket): string {
  if ('reasonCodes' in packet) return `${packet.type} ${packet.packetId} ${packet.reasonCodes.map(hex).join(' ')}`;
  if ('packetId' in packet && 'reasonCode' in packet) return `${packet.type} ${packet.packetId} ${hex(packet.reasonCode)}`;
  return 'reasonCode' in packet ? `${packet.type} ${hex(packet.reasonCode)}` : packet.type;
}

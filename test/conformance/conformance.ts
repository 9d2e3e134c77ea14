import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test, type TestContext } from 'node:test';
import {
  openTransport,
  pingreqBytes,
  WireClient,
  type ConnectOptions,
  type Properties,
  type ProtocolVersion,
  type WireTarget,
} from '@wrenmq/testkit';
import { startTarget, targetName, type BrokerSettings, type BrokerUnderTest, type TargetName } from './broker-under-test.ts';

export type Versions = readonly ProtocolVersion[];

/** A broker for the tests of one file, and the clients that they open. */
export interface House {
  readonly broker: BrokerUnderTest;
  /** A connection on which nothing has been said; it is cut when the test ends. */
  open(t: TestContext, version?: ProtocolVersion, target?: WireTarget): Promise<WireClient>;
  /** A connected client, under a Client Identifier of its own unless one is given. */
  client(t: TestContext, version?: ProtocolVersion, options?: ConnectOptions): Promise<WireClient>;
  /** Sends these bytes on a new connection and returns all that is answered until the broker closes it. */
  exchange(bytes: Buffer): Promise<Buffer>;
  /** Lets time pass, for the broker at least. */
  passTime(ms: number): Promise<void>;
}

/** Starts a broker before the tests of the file and ends it after them. */
export function useBroker(settings: BrokerSettings = {}): House {
  let broker!: BrokerUnderTest;
  let isStarted = false;
  before(async () => {
    broker = await startTarget(settings);
    isStarted = true;
  });
  after(async () => {
    if (isStarted) await broker.close();
  });
  const house: House = {
    get broker() {
      return broker;
    },
    async open(t, version = 5, target = broker.target) {
      const client = await WireClient.open(target, version);
      t.after(() => client.transport.destroy());
      return client;
    },
    async client(t, version = 5, options = {}) {
      const client = await house.open(t, version);
      await client.connect({ clientId: unique('client'), ...options });
      return client;
    },
    exchange: (bytes) => exchange(broker.target, bytes),
    async passTime(ms) {
      // The broker must have seen what the tests did before: an end of a connection reaches it a little later than us.
      await exchange(broker.target, pingreqBytes());
      await broker.passTime(ms);
    },
  };
  return house;
}

/** A name that no other test uses. */
export function unique(prefix: string): string {
  return prefix + randomBytes(5).toString('hex');
}

type PersistentOptions = Omit<ConnectOptions, 'properties'> & { readonly properties?: Properties };

/** The options of a client whose session outlives its connection. */
export function persistent(version: ProtocolVersion, options: PersistentOptions = {}): ConnectOptions {
  if (version < 5) return { clean: false, ...options };
  return { clean: false, ...options, properties: { sessionExpiryInterval: 3600, ...options.properties } };
}

const names = { 3: '3.1', 4: '3.1.1', 5: '5.0' } as const;

/** One test for each version, which its title names. */
export function testVersions(
  versions: Versions,
  title: string,
  options: { skip?: string | false },
  body: (t: TestContext, version: ProtocolVersion) => Promise<void>,
): void {
  for (const version of versions) test(`${title} (${names[version]})`, options, (t) => body(t, version));
}

/** Why a test is skipped on another broker than ours: what that one does instead. Ours is never excused. */
export function deviation(deviations: Partial<Record<Exclude<TargetName, 'wrenmq'>, string>>): { skip: string | false } {
  return { skip: targetName === 'wrenmq' ? false : (deviations[targetName] ?? false) };
}

/**
 * The broker refuses what the client sent: DISCONNECT with one of these Reason Codes in MQTT 5, then the end; before MQTT 5 only
 * the end. The standard lets a server leave the DISCONNECT out, as mosquitto mostly does; ours must say why.
 */
export async function expectRefusal(client: WireClient, ...reasonCodes: readonly number[]): Promise<void> {
  if (targetName !== 'wrenmq') {
    const packet = await client.next().catch(() => null);
    if (packet !== null) assert.equal(packet.type, 'disconnect');
    assert.ok(client.isClosed || packet !== null, 'the connection was not closed');
    return;
  }
  if (client.version === 5) {
    const { reasonCode } = await client.expect('disconnect');
    assert.ok(reasonCodes.includes(reasonCode), `DISCONNECT 0x${reasonCode.toString(16)}`);
  }
  await client.expectClose();
}

async function exchange(target: WireTarget, bytes: Buffer): Promise<Buffer> {
  const answers: Buffer[] = [];
  let onClose!: () => void;
  const closed = new Promise<void>((resolve) => {
    onClose = resolve;
  });
  const transport = await openTransport(target, { onBytes: (answer) => answers.push(answer), onClose });
  transport.write(bytes);
  const timer = setTimeout(() => transport.destroy(), 10_000);
  await closed;
  clearTimeout(timer);
  return Buffer.concat(answers);
}

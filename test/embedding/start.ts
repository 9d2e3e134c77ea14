import { type Broker, type BrokerOptions, createBroker } from '@wrenmq/broker';
import { type ConnectOptions, type ProtocolVersion, tempDirectory, WireClient, type WireTarget } from '@wrenmq/testkit';
import type { TestContext } from 'node:test';

const off = { enabled: false };

/** In memory, one TCP listener on a free port of loopback. */
export const settings = {
  durability: 'memory',
  listeners: { tcp: { bind: '127.0.0.1:0' }, ws: off, wss: off, tls: off, tls1884: off },
  admin: off,
  sys: {
    interval: null,
    nodeInterval: null,
    heartbeatInterval: null,
    events: { clientConnected: false, clientDisconnected: false },
    alarms: { interval: null },
  },
};

export interface Embedded {
  readonly broker: Broker;
  readonly target: WireTarget & { readonly port: number };
  /** A connected client, cut when the test ends. */
  readonly connect: (options?: ConnectOptions, version?: ProtocolVersion) => Promise<WireClient>;
}

/** Starts a broker that the test has prepared, in a directory of its own, and stops it when the test ends. */
export async function embed(t: TestContext, options: BrokerOptions = {}, prepare: (broker: Broker) => void = () => {}): Promise<Embedded> {
  const directory = await tempDirectory('wrenmq-embedding-');
  t.after(() => directory.remove());
  const broker = createBroker({ ...options, settings: { dataDirectory: directory.path, ...settings, ...options.settings } });
  prepare(broker);
  t.after(() => broker.stop());
  const { listeners } = await broker.start();
  const target = { host: '127.0.0.1', port: listeners[0].port };
  return {
    broker,
    target,
    connect: async (connectOptions = {}, version = 5) => {
      const client = await WireClient.open(target, version);
      t.after(() => client.transport.destroy());
      await client.connect({ clientId: 'client', ...connectOptions });
      return client;
    },
  };
}

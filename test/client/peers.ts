import { existsSync } from 'node:fs';
import { type ConnectOptions, createClient, type MqttClient } from '@wrenmq/client';
import { FaultProxy, hasMosquitto, launchAedes, launchBroker, launchMosquitto } from '@wrenmq/testkit';

export type Version = '5' | '3.1.1';
export type TransportName = 'TCP' | 'WebSocket';

interface PeerBroker extends AsyncDisposable {
  readonly tcp: number;
  readonly webSocket: number;
}

/** A broker that the client has to get along with. */
export interface Peer {
  readonly name: string;
  readonly versions: readonly Version[];
  /** Has shared subscriptions. */
  readonly shares: boolean;
  readonly skip: string | false;
  /** Bytes of a message that is large. */
  readonly largeBytes: Readonly<Record<TransportName, number>>;
  /** QoS 2 messages that it can have open in MQTT 3.1.1, where it cannot say so. */
  readonly inflightMax?: number;
  /** Why QoS 2 does not hold there when a subscriber is cut; absent where it does. */
  readonly fault?: string;
  launch(): Promise<PeerBroker>;
}

type Launched = AsyncDisposable & { readonly target: { readonly port: number }; readonly webSocketTarget: { readonly port?: number } };

function portsOf(broker: Launched): PeerBroker {
  return {
    tcp: broker.target.port,
    webSocket: broker.webSocketTarget.port ?? 0,
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
}

const mebibyte = 1024 * 1024;
const large = { TCP: mebibyte, WebSocket: mebibyte };

export const peers: readonly Peer[] = [
  {
    name: 'our broker',
    versions: ['5', '3.1.1'],
    shares: true,
    skip: false,
    largeBytes: large,
    async launch() {
      const broker = await launchBroker({ settings: { 'limits.packetBytesMax': '2MiB' } });
      return { tcp: broker.target().port, webSocket: broker.target('ws').port, [Symbol.asyncDispose]: () => broker.close() };
    },
  },
  {
    name: 'mosquitto',
    versions: ['5', '3.1.1'],
    shares: true,
    skip: hasMosquitto ? false : 'needs the Debian package mosquitto',
    // mosquitto 2.0.11 writes 40 kB a second to a WebSocket.
    largeBytes: { ...large, WebSocket: 50_000 },
    // mosquitto 2.0.11 acknowledges what is beyond its max_inflight_messages, and does not deliver it.
    inflightMax: 20,
    launch: async () => portsOf(await launchMosquitto()),
  },
  {
    name: 'aedes',
    versions: ['3.1.1'],
    shares: false,
    skip: false,
    largeBytes: large,
    fault: 'aedes 1.2 sends a message of QoS 2 again, without DUP, after its PUBREC',
    launch: async () => portsOf(await launchAedes()),
  },
];

const pahoFile = '/usr/lib/python3/dist-packages/paho/mqtt/client.py';
export const pahoIsMissing: string | false = existsSync(pahoFile) ? false : 'needs the Debian package python3-paho-mqtt';

/** A broker, a version and a transport: where clients of one test suite connect. Each has a proxy that can cut it. */
export class Meeting implements AsyncDisposable {
  readonly port: number;
  readonly #options: ConnectOptions;
  readonly #scheme: 'mqtt' | 'ws';
  readonly #opened: AsyncDisposable[] = [];

  constructor(peer: Peer, broker: PeerBroker, version: Version, transport: TransportName) {
    const outbound = version === '5' || peer.inflightMax === undefined ? {} : { maxInflight: peer.inflightMax };
    this.#options = { protocol: version, outbound, reconnect: { minDelay: 10, maxDelay: 100 } };
    this.#scheme = transport === 'TCP' ? 'mqtt' : 'ws';
    this.port = transport === 'TCP' ? broker.tcp : broker.webSocket;
  }

  client(options: ConnectOptions = {}, port = this.port): MqttClient {
    const url = `${this.#scheme}://127.0.0.1:${port}${this.#scheme === 'ws' ? '/mqtt' : ''}`;
    const client = createClient(url, { ...this.#options, ...options });
    this.#opened.push(client);
    return client;
  }

  /** A client over a line of its own. */
  async clientThatCanBeCut(options: ConnectOptions): Promise<{ readonly client: MqttClient; readonly cut: () => void }> {
    const proxy = await FaultProxy.start({ port: this.port });
    this.#opened.push(proxy);
    return { client: this.client(options, proxy.target.port), cut: () => proxy.cutAll() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#opened) await each[Symbol.asyncDispose]();
  }
}

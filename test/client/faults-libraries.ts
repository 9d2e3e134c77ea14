import mqtt from 'mqtt';
import { createClient } from '@wrenmq/client';

export interface TestedOptions {
  /** Seconds; 0 (off) when absent. */
  readonly keepAlive?: number;
  /** Milliseconds between two attempts; hardly any when absent. */
  readonly reconnectDelay?: number;
}

/** What a script needs of a client library. */
export interface TestedClient {
  /** The connection has been reported to whoever uses the client; false again when it is lost. */
  readonly isOnline: boolean;
  /** Resolves when it is so. */
  online(): Promise<unknown>;
  /** Settles when the library says that the message is done; rejects with what it says instead. */
  publish(topic: string, payload: string, qos: 0 | 1 | 2): Promise<unknown>;
  /** At QoS 1, with one consumer for all. Settles when the broker has answered, whatever it has said. */
  subscribe(filters: readonly string[], consumer: (topic: string) => void | Promise<void>): Promise<unknown>;
  close(): Promise<unknown>;
  /** Ends what `close` would leave. */
  destroy(): Promise<unknown>;
}

export interface Library {
  readonly name: 'WrenMQ' | 'MQTT.js';
  open(url: string, options?: TestedOptions): TestedClient;
}

const sessionExpiry = 3_600;
const keepAliveOff = 0;
const atOnce = 1;

/** Ours. */
export const wrenMq: Library = {
  name: 'WrenMQ',
  open(url, { keepAlive = keepAliveOff, reconnectDelay = atOnce } = {}) {
    const client = createClient(url, {
      clientId: 'tested',
      protocol: '5',
      keepAlive,
      session: { expiry: sessionExpiry },
      reconnect: { minDelay: reconnectDelay, maxDelay: reconnectDelay, jitter: 'none' },
    });
    return {
      get isOnline() {
        return client.state === 'online';
      },
      online: () => client.online(),
      publish: (topic, payload, qos) => client.publish(topic, payload, { qos }),
      subscribe: (filters, consumer) =>
        Promise.allSettled(filters.map((filter) => client.handle(filter, ({ topic }) => consumer(topic), { qos: 1 }))),
      close: () => client.close(),
      destroy: () => client.close({ timeout: 0 }),
    };
  },
};

/** What most programs in JavaScript use today, version 5. Each fault that a script shows in it is a fault that the script can find. */
export const mqttJs: Library = {
  name: 'MQTT.js',
  open(url, { keepAlive = keepAliveOff, reconnectDelay = atOnce } = {}) {
    const client = mqtt.connect(url, {
      clientId: 'tested',
      protocolVersion: 5,
      clean: false,
      keepalive: keepAlive,
      reconnectPeriod: reconnectDelay,
      properties: { sessionExpiryInterval: sessionExpiry },
    });
    const consumers: ((topic: string) => void | Promise<void>)[] = [];
    let isOnline = false;
    let online = Promise.withResolvers<void>();
    client.on('connect', () => {
      isOnline = true;
      online.resolve();
    });
    client.on('close', () => {
      if (isOnline) online = Promise.withResolvers();
      isOnline = false;
    });
    client.on('error', () => {});
    const consume = async (topic: string): Promise<void> => {
      for (const consumer of consumers) await consumer(topic);
    };
    // Its way to wait for a handler.
    client.handleMessage = ({ topic }, done) => void consume(topic).finally(done);
    return {
      get isOnline() {
        return isOnline;
      },
      online: () => online.promise,
      publish: (topic, payload, qos) => client.publishAsync(topic, payload, { qos }),
      subscribe: (filters, consumer) => {
        consumers.push(consumer);
        return client.subscribeAsync([...filters], { qos: 1 }).catch(() => undefined);
      },
      close: () => client.endAsync(),
      destroy: async () => {
        // Another `end` would do nothing, also where the first one waits for ever.
        client.disconnecting = false;
        await client.endAsync(true);
      },
    };
  },
};

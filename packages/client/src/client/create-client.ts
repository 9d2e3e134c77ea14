import { realSurroundings } from '#base/surroundings.ts';
import { openTransport } from '#transport/open-transport.ts';
import type { TransportFactory, TransportOpener } from '#transport/transport.ts';
import type { ConnectOptions } from './connect-options.ts';
import type { MqttClient } from './mqtt-client.ts';
import { WrenClient } from './wren-client.ts';

/**
 * A client that connects in the background, keeps trying, and can be used at once: what is published before there is a connection waits.
 * It never throws for the network's sake; `stopped` tells when it has given up. Throws MqttError INVALID when the URL or an option is wrong.
 *
 *     const client = createClient('mqtts://broker.example', { clientId: 'device-123' });
 *     await client.publish('sensors/r1/temperature', '25.5', { qos: 1, timeout: 5_000 });
 *
 * @param url `mqtt://host:1883`, `mqtts://host:8883`, `ws://host/mqtt`, `wss://host/mqtt`, `unix:/path`; a browser has `ws` and `wss` only.
 */
export function createClient(url: string | URL, options: ConnectOptions = {}): MqttClient {
  const { transport } = options;
  return new WrenClient({
    url,
    options,
    open: transport === undefined ? openTransport : openStreams(transport),
    surroundings: realSurroundings,
  });
}

/** What the user's streams need is loaded with the first attempt, as what a scheme needs. */
function openStreams(transport: TransportFactory): TransportOpener {
  return async (context, observer) => (await import('#transport/adapt-streams.ts')).adaptStreams(transport)(context, observer);
}

/**
 * A client that is connected. Each server is tried once: rejects with the MqttError of the last attempt, unless `reconnect.maxAttempts` asks
 * for more; with ABORTED when `signal` is aborted. From then on the client reconnects as one of `createClient` does.
 *
 *     await using client = await connect('mqtt://localhost');
 */
export async function connect(url: string | URL, options: ConnectOptions = {}): Promise<MqttClient> {
  const { servers = [], reconnect, signal } = options;
  const client = createClient(url, options);
  let attempts = 0;
  const patience = (reconnect === false ? undefined : reconnect?.maxAttempts) ?? servers.length;
  const whileConnecting = new AbortController();
  const failure = new Promise<never>((_, reject) => {
    client.on(
      'offline',
      ({ error }) => {
        attempts += 1;
        if (attempts > patience) reject(error);
      },
      { signal: whileConnecting.signal },
    );
  });
  try {
    await Promise.race([client.online(signal === undefined ? {} : { signal }), failure]);
    return client;
  } catch (error) {
    await client.close();
    throw error;
  } finally {
    whileConnecting.abort();
  }
}

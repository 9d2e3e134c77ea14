/*
 * The ten jobs of the design (shared with docs/client.md), as they compile against the package. Type checks only: nothing here is run.
 */
import { connect, createClient, defineTopic, publishOnce, receive, type MqttClient, type StandardSchema } from '@wrenmq/client';
import { event, eventChannel } from '@wrenmq/client/events';
import { defineRpc, RpcNoRespondersError, RpcRemoteError, RpcTimeoutError, rpcClient, rpcPeer, serveRpc } from '@wrenmq/client/rpc';
import { fileStore } from '@wrenmq/client/store/file';
import { indexedDbStore } from '@wrenmq/client/store/indexeddb';

// stand-ins for zod / valibot / arktype objects (all implement Standard Schema)
declare const Reading: StandardSchema<{ value: number; unit?: string }, { value: number; unit: string }>;
declare const Empty: StandardSchema<Record<string, never>, Record<string, never>>;
declare const Status: StandardSchema<{ online: boolean; cpu: number }, { online: boolean; cpu: number }>;
declare const LogLine: StandardSchema<string, string>;
declare const vault: { mqttToken(o: { signal: AbortSignal }): Promise<string> };
declare const db: { insert(table: string, row: unknown): Promise<void> };
declare const caPem: string, pem: { cert: string; key: string };
declare const render: (s: string, v?: unknown) => void;

// 1. connect over mutual TLS, rotating token, publish, close
export async function job1() {
  await using client = await connect('mqtts://broker.example:8883', {
    clientId: 'device-123',
    tls: { ca: caPem, ...pem },
    credentials: async ({ signal }) => ({ username: 'device-123', password: await vault.mqttToken({ signal }) }), // called for every attempt
    signal: AbortSignal.timeout(10_000),
  });
  await client.publish('sensors/r1/temperature', JSON.stringify({ value: 25.5 }), { qos: 1, timeout: 5_000 });
}

// 2. consume as an async iterator; leaving the loop unsubscribes
export async function job2(client: MqttClient, signal: AbortSignal) {
  await using sub = await client.subscribe('sensors/{room}/temperature', { qos: 1, signal });
  for await (const m of sub) {
    console.log(m.params.room, m.json<{ value: number }>().value);
    if (m.retain) continue;
    if (m.params.room === 'stop') break;
  }
}

// 3. typed topic + handler; 8 messages at once, but in order per room
const temperature = defineTopic('sensors/{room}/temperature', { schema: Reading });
export async function job3(client: MqttClient) {
  await client.handle(
    temperature,
    async (m) => {
      const unit: string = m.value.unit; // validated and typed
      await db.insert('readings', { room: m.params.room, v: m.value.value, unit });
    },
    { qos: 1, concurrency: 8, orderBy: (m) => m.params.room, onError: () => 'retry' },
  );
  await client.publish(temperature({ room: 'r1' }), { value: 25.5 });
}

// 4. store-and-forward: survives crashes and reboots, exactly once to the broker
export async function job4() {
  const client = createClient('mqtts://broker.example', {
    clientId: 'gateway-7',
    session: { store: fileStore('/var/lib/gw/mqtt'), expiry: 7 * 86_400 },
    outbound: { maxQueuedBytes: 512 << 20, whenFull: 'reject', offline: 'queue-durable' },
  });
  const { acked } = await client.enqueue('plant/line1/count', '42', { qos: 2, expiry: 3_600 }); // on disk now
  acked.then(
    () => console.log('delivered'),
    (e) => console.error('gave up', e),
  );
  await client.drain({ signal: AbortSignal.timeout(30_000) }); // "safe to power off"
  await client.close();
}

// 5. manual acknowledgement: ack only after the commit
export async function job5(client: MqttClient) {
  const sub = await client.subscribe('orders/#', { qos: 1, ack: 'manual', share: 'billing' }); // $share/billing/orders/#
  for await (const m of sub) {
    try {
      await db.insert('orders', m.json());
      m.ack();
    } catch {
      m.nack(0x83);
    }
  }
}

// 6. typed RPC, MQTT 5 native (response topic + correlation data)
const deviceApi = defineRpc({
  getStatus: { input: Empty, output: Status },
  tail: { input: Empty, output: LogLine, stream: true },
});
export async function job6(client: MqttClient, signal: AbortSignal) {
  await using _srv = await serveRpc(
    client,
    'device/123',
    deviceApi,
    {
      getStatus: async () => ({ online: true, cpu: 45.2 }),
      tail: async function* (_in, context) {
        while (!context.signal.aborted) yield 'line';
      },
    },
    { authorize: (caller, method) => method !== 'tail' || caller.startsWith('admin') },
  );

  const device = rpcClient(client, 'device/123', deviceApi, { timeout: 5_000 });
  try {
    const { cpu } = await device.getStatus({}, { signal });
    console.log(cpu.toFixed(1));
    for await (const line of device.tail({}, { signal })) console.log(line);
  } catch (e) {
    if (e instanceof RpcNoRespondersError) console.log('nobody listens on device/123'); // at once, from PUBACK 0x10
    else if (e instanceof RpcTimeoutError) console.log('slow');
    else if (e instanceof RpcRemoteError) console.log('remote said', e.message);
    else throw e;
  }
}

// 7. talk to Python services that run mqttxx
export async function job7(client: MqttClient) {
  await using peer = await rpcPeer(client, { topic: 'edge/device_123', wire: 'auto', maxConcurrentCalls: 100, timeout: 30_000 });
  peer.register('get_status', async () => ({ status: 'online' }));
  const cfg = await peer.call<{ update_interval: number }>('cloud/config-service', 'get_device_config');
  console.log(cfg.update_interval);
}

// 8. events: broadcast, wildcards, several handlers in registration order
export async function job8(client: MqttClient) {
  const events = eventChannel(client);
  events.subscribe('sensors/+/temperature', (topic, m) => console.log(topic, m));
  events.subscribe('sensors/#', (topic) => console.log('any', topic));
  await events.publish('sensors/room1/temperature', event('temperature.changed', { value: 25.5 }, { source: 'sensor_001' }));
  await events.publish('sensors/room1/humidity', { value: 60.2 });
}

// 9. presence: will + retained state, and a one-shot read of retained values
export async function job9() {
  const client = await connect('mqtt://localhost', {
    clientId: 'pump-1',
    will: { topic: 'presence/pump-1', payload: 'offline', retain: true, qos: 1, delay: 5 },
  });
  client.on('online', () => void client.publish('presence/pump-1', 'online', { retain: true, qos: 1 }));
  const all = await receive('mqtt://localhost', 'presence/#', { retained: true, signal: AbortSignal.timeout(2_000) });
  console.log(all.map((m) => [m.topic, m.text()]));
  await publishOnce('mqtt://localhost', 'hello', 'world', { qos: 1 });
}

// 10. browser: IndexedDB session, connection state in the page
export function job10() {
  const client = createClient('wss://broker.example/mqtt', { session: { store: indexedDbStore('app-mqtt') }, keepAlive: 60 });
  client
    .on('online', ({ sessionPresent }) => render('online', sessionPresent))
    .on('offline', ({ willRetryIn }) => render('offline', willRetryIn))
    .on('stopped', ({ error }) => render('stopped', error.message));
  return client;
}

// compile-time negative checks
export async function negative(client: MqttClient) {
  // @ts-expect-error wrong payload type
  await client.publish(temperature({ room: 'r1' }), { value: 'hot' });
  // @ts-expect-error missing topic parameter
  temperature({});
  await client.handle('a/{b}/c', (m) => {
    // @ts-expect-error unknown parameter
    console.log(m.params.x);
  });
  const device = rpcClient(client, 'device/123', deviceApi);
  // @ts-expect-error no such method
  device.reboot({});
  // @ts-expect-error result type
  const _s: string = await device.getStatus({});
}

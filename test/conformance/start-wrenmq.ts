import { createBroker } from '@wrenmq/broker';
import { FakeClock, tempDirectory, type WireTarget } from '@wrenmq/testkit';
import type { BrokerUnderTest } from './broker-under-test.ts';

type Settings = Readonly<Record<string, unknown>>;

/** Our broker in this process, on free ports, with a clock that only the tests move. */
export async function startWrenMQ(settings: Settings): Promise<BrokerUnderTest> {
  const directory = await tempDirectory();
  const clock = new FakeClock(Date.now());
  const broker = createBroker({ clock, settings: merge(baseSettings(directory.path), settings) });
  const bound = await broker.start();
  const place = (name: string): WireTarget => {
    const listener = bound.listeners.find((candidate) => candidate.name === name);
    if (listener === undefined) throw new Error(`no listener is called ${name}`);
    return { host: '127.0.0.1', port: listener.port };
  };
  return {
    target: place('tcp'),
    webSocketTarget: { ...place('ws'), webSocketPath: '/mqtt' },
    async passTime(ms) {
      // The broker looks at its connections many times a minute: an hour at once, not in steps.
      if (ms > 60_000) clock.leap(ms);
      else clock.advance(ms);
    },
    shutDown: () => broker.stop(),
    async close() {
      await broker.stop();
      await directory.remove();
    },
  };
}

/** In memory, since what is tested here is the protocol; `WRENMQ_TEST_DURABILITY=disk` runs the same tests on the store. */
function baseSettings(dataDirectory: string): Settings {
  return {
    dataDirectory,
    durability: process.env['WRENMQ_TEST_DURABILITY'] ?? 'memory',
    listeners: {
      tcp: { bind: '127.0.0.1:0' },
      ws: { bind: '127.0.0.1:0' },
      tls: { enabled: false },
      tls1884: { enabled: false },
      wss: { enabled: false },
    },
    admin: { enabled: false },
    sys: { interval: null, nodeInterval: null, heartbeatInterval: null, events: { clientConnected: false, clientDisconnected: false } },
  };
}

/** Lays one tree of settings over another. */
function merge(lower: Settings, upper: Settings): Settings {
  const merged: Record<string, unknown> = { ...lower };
  for (const [name, value] of Object.entries(upper)) {
    const below = merged[name];
    merged[name] = isTree(below) && isTree(value) ? merge(below, value) : value;
  }
  return merged;
}

function isTree(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

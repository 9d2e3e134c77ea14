import { setTimeout as sleep } from 'node:timers/promises';
import { launchAedes, launchMosquitto, type WireTarget } from '@wrenmq/testkit';
import { startWrenMQ } from './start-wrenmq.ts';

const targets = ['wrenmq', 'mosquitto', 'aedes'] as const;
export type TargetName = (typeof targets)[number];

/** Our broker, or another one to see whether the tests say what the standard says: `WRENMQ_TEST_TARGET=mosquitto`. */
export const targetName: TargetName = readTarget(process.env['WRENMQ_TEST_TARGET']);

/** Settings for our broker as its configuration has them, and the lines of a configuration file for mosquitto. */
export interface BrokerSettings {
  readonly wrenmq?: Readonly<Record<string, unknown>>;
  readonly mosquitto?: readonly string[];
}

export interface BrokerUnderTest {
  readonly target: WireTarget;
  readonly webSocketTarget: WireTarget;
  passTime(ms: number): Promise<void>;
  /** Ends orderly; after that `close` does nothing more. */
  shutDown(): Promise<void>;
  close(): Promise<void>;
}

export async function startTarget(settings: BrokerSettings): Promise<BrokerUnderTest> {
  if (targetName === 'wrenmq') return startWrenMQ(settings.wrenmq ?? {});
  const broker = targetName === 'aedes' ? await launchAedes() : await launchMosquitto({ configuration: settings.mosquitto ?? [] });
  return {
    target: broker.target,
    webSocketTarget: broker.webSocketTarget,
    // A foreign broker has its own clock; this is the only sleep, and our broker never sees it.
    passTime: (ms) => sleep(ms),
    shutDown: async () => void (await broker.kill('SIGTERM')),
    close: () => broker.close(),
  };
}

function readTarget(name = 'wrenmq'): TargetName {
  const target = targets.find((candidate) => candidate === name);
  if (target === undefined) throw new Error(`WRENMQ_TEST_TARGET is one of ${targets.join(', ')}, not ${name}`);
  return target;
}

import { Counters } from '#base/counters.ts';
import { type LogFields, silentLogger } from '#base/logger.ts';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import type { FeatureContext } from './feature.ts';
import { Hooks } from './hooks.ts';
import type { ClientFacts, ConnectDetails, SubscriptionDetails } from './points.ts';

export interface TestFeatureContext<Settings> extends FeatureContext<Settings> {
  readonly clock: FakeClock;
  readonly hooks: Hooks;
  readonly warnings: readonly LogFields[];
}

/** The world of a feature in a test: real hooks, a clock that the test moves, and of the rest what the test gives: nothing else is there. */
export function testFeatureContext<Settings>(
  feature: string,
  settings: Settings,
  given: Partial<FeatureContext<Settings>> = {},
): TestFeatureContext<Settings> {
  const hooks = new Hooks(silentLogger);
  const warnings: LogFields[] = [];
  const context: Partial<TestFeatureContext<Settings>> = {
    settings,
    hooks,
    warnings,
    clock: new FakeClock(),
    counters: new Counters(),
    log: { ...silentLogger, warn: (fields) => void warnings.push(fields) },
    on: (point, hook, interest) => hooks.register(feature, point, hook, interest),
    ...(given as object),
  };
  return context as TestFeatureContext<Settings>;
}

export function factsOf(clientId: string, facts: Partial<ClientFacts> = {}): ClientFacts {
  const peer = { peerAddress: '192.0.2.7', peerPort: 50_000 };
  return { clientId, username: null, listener: 'tcp.default', ...peer, protocolVersion: 5, connectedAtMs: 0, ...facts };
}

export const connectDetails: ConnectDetails = {
  localPort: 1883,
  keepAlive: 60,
  cleanStart: false,
  sessionExpiryInterval: 3600,
  receiveMaximum: 65_535,
  properties: {},
};

export const plainSubscription: SubscriptionDetails = { noLocal: false, retainAsPublished: false, retainHandling: 0, identifier: 0 };

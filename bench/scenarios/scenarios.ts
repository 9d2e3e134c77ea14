import { clientSpeed } from '#root/bench/client/client-speed.ts';
import { connectBurst } from './connect-burst.ts';
import { durableSessions } from './durable-sessions.ts';
import { history } from './history.ts';
import { idle } from './idle.ts';
import { millionRetained } from './million-retained.ts';
import { millionSubscriptions } from './million-subscriptions.ts';
import type { Scenario } from './scenario.ts';
import { stuckSubscriber } from './stuck-subscriber.ts';

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  client: clientSpeed,
  idle,
  'connect-burst': connectBurst,
  'durable-sessions': durableSessions,
  'stuck-subscriber': stuckSubscriber,
  'million-subscriptions': millionSubscriptions,
  'million-retained': millionRetained,
  history,
};

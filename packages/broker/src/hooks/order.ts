import type { HookPoint } from './points.ts';

/** The name under which an embedder's own hooks run. */
export const EMBEDDER = 'embedder';

/**
 * In which order the features run at each point: one literal, to be read as a table. A feature that registers at a point
 * where it is not listed fails at boot; one that is listed twice is asked twice. The embedder's hooks run first everywhere.
 */
export const hookOrder: Readonly<Record<HookPoint, readonly string[]>> = {
  'connection.admit': [EMBEDDER],
  'client.authenticate': [EMBEDDER],
  'client.authorize': [EMBEDDER],
  // `$queue/` is short for a prefix. Rewriting keeps prefixes; what stands behind them is then taken apart.
  'subscription.inbound': [EMBEDDER, 'queue', 'rewrite', 'exclusive'],
  'subscription.accept': [EMBEDDER, 'exclusive'],
  // A delayed message is rewritten by its real topic, and a rule may delay what was not.
  'message.inbound': [EMBEDDER, 'delayed', 'rewrite', 'delayed'],
  'message.accept': [EMBEDDER, 'delayed'],
  'message.outbound': [EMBEDDER],
  'client.connected': [EMBEDDER, 'sys', 'autoSubscribe'],
  'client.disconnected': [EMBEDDER, 'sys'],
  'session.opened': [EMBEDDER],
  'session.closed': [EMBEDDER, 'exclusive'],
  'subscription.added': [EMBEDDER, 'sys', 'exclusive'],
  'subscription.removed': [EMBEDDER, 'sys', 'exclusive'],
  'message.published': [EMBEDDER, 'topicMetrics'],
  'message.delivered': [EMBEDDER],
  'delivery.finished': [EMBEDDER, 'topicMetrics', 'slowSubscriptions'],
  'message.dropped': [EMBEDDER, 'topicMetrics'],
};

import { ReasonCode } from '@wrenmq/codec';
import type { FeatureContext, RunningFeature, SubscriptionRequest, TransformAnswer } from '#hooks/feature.ts';

const TREE = '$queue';
const PREFIX = `${TREE}/`;
/** What a shared subscription cannot have behind its group, and a prefix cannot have behind it. */
const nested = /^\$(?:share|queue)(?:\/|$)/;
const covered = /^(?:\$share\/[^/]*|\$exclusive)\/\$queue(?:\/|$)/;

/** Makes `$share/$queue/filter` of `$queue/filter`, for SUBSCRIBE and UNSUBSCRIBE: everything else is the shared subscription's. */
export class QueuePrefix implements RunningFeature<unknown> {
  constructor(context: FeatureContext<unknown>) {
    context.on('subscription.inbound', (_client, request) => expand(request));
  }

  reload(): void {}

  stop(): void {}
}

function expand(request: SubscriptionRequest): TransformAnswer<SubscriptionRequest> {
  const { filter } = request;
  if (!filter.startsWith('$')) return request;
  if (filter === TREE || filter === PREFIX || covered.test(filter)) return { reject: ReasonCode.TopicFilterInvalid };
  if (!filter.startsWith(PREFIX)) return request;
  if (nested.test(filter.slice(PREFIX.length))) return { reject: ReasonCode.TopicFilterInvalid };
  return { ...request, filter: `$share/${filter}` };
}

import { ReasonCode } from '@wrenmq/codec';
import type { FeatureContext, RunningFeature, Statistics, SubscriptionRequest, TransformAnswer } from '#hooks/feature.ts';

export interface ExclusiveSettings {
  readonly enabled: boolean;
}

/** Who has what to itself. */
export interface ExclusiveSubscription {
  /** What is matched: the filter behind `$exclusive/`. */
  readonly filter: string;
  readonly clientId: string;
}

const TREE = '$exclusive';
const PREFIX = `${TREE}/`;
/** Behind `$exclusive/` there is a plain filter, and nothing that has a prefix stands before it. */
const nested = /^\$(?:share|exclusive)(?:\/|$)/;
const sharedExclusive = /^\$share\/[^/]*\/\$exclusive(?:\/|$)/;

/**
 * Keeps each filter behind `$exclusive/` to one session. A filter is somebody's from `subscription.added` on; whether it is
 * free is asked by `subscription.accept`, and nothing comes between the two.
 */
export class ExclusiveSubscriptions implements RunningFeature<ExclusiveSettings> {
  #isEnabled: boolean;
  /** By filter: as many as there are such subscriptions. */
  readonly #owners = new Map<string, string>();
  readonly #filters = new Map<string, Set<string>>();

  constructor(context: FeatureContext<ExclusiveSettings>) {
    this.#isEnabled = context.settings.enabled;
    // Sessions that outlived a restart have kept what is theirs.
    for (const { clientId, filter } of context.subscriptions()) this.#take(clientId, filter);
    context.on('subscription.inbound', (_client, request) => this.#name(request));
    context.on('subscription.accept', ({ clientId }, { filter }) => {
      return this.#isFree(clientId, filter) ? 'abstain' : { deny: ReasonCode.QuotaExceeded };
    });
    context.on('subscription.added', (clientId, filter) => this.#take(clientId, filter));
    context.on('subscription.removed', (clientId, filter) => this.#release(clientId, filter));
    context.on('session.closed', (clientId) => this.#releaseAll(clientId));
  }

  reload({ enabled }: ExclusiveSettings): void {
    this.#isEnabled = enabled;
  }

  /** Everything ends with the process; nothing is held elsewhere. */
  stop(): void {}

  statistics(): Partial<Statistics> {
    return { exclusiveSubscriptions: this.#owners.size };
  }

  get size(): number {
    return this.#owners.size;
  }

  /** The session that has this filter to itself, or null. */
  ownerOf(filter: string): string | null {
    return this.#owners.get(filter) ?? null;
  }

  *subscriptions(): Generator<ExclusiveSubscription> {
    for (const [filter, clientId] of this.#owners) yield { filter, clientId };
  }

  /** The text stays the subscription's name; what is authorized and matched is the filter behind the prefix. */
  #name(request: SubscriptionRequest): TransformAnswer<SubscriptionRequest> {
    const { filter } = request;
    if (!filter.startsWith('$')) return request;
    if (sharedExclusive.test(filter)) return { reject: ReasonCode.TopicFilterInvalid };
    const match = filterOf(filter);
    if (match === null) return filter === TREE ? { reject: ReasonCode.TopicFilterInvalid } : request;
    if (!this.#isEnabled || match === '' || nested.test(match)) return { reject: ReasonCode.TopicFilterInvalid };
    return { ...request, match };
  }

  #isFree(clientId: string, name: string): boolean {
    const filter = filterOf(name);
    if (filter === null) return true;
    const owner = this.#owners.get(filter);
    return owner === undefined || owner === clientId;
  }

  #take(clientId: string, name: string): void {
    const filter = filterOf(name);
    if (filter === null) return;
    this.#owners.set(filter, clientId);
    const filters = this.#filters.get(clientId);
    if (filters === undefined) this.#filters.set(clientId, new Set([filter]));
    else filters.add(filter);
  }

  #release(clientId: string, name: string): void {
    const filter = filterOf(name);
    const filters = this.#filters.get(clientId);
    if (filter === null || filters === undefined || !filters.delete(filter)) return;
    this.#owners.delete(filter);
    if (filters.size === 0) this.#filters.delete(clientId);
  }

  #releaseAll(clientId: string): void {
    for (const filter of this.#filters.get(clientId) ?? []) this.#owners.delete(filter);
    this.#filters.delete(clientId);
  }
}

/** What is behind `$exclusive/`, or null. */
function filterOf(name: string): string | null {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : null;
}

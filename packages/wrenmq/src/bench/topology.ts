/** Who publishes where, and who subscribes to what. */
export interface Topology {
  readonly publishers: readonly PublisherPlan[];
  readonly subscribers: readonly SubscriberPlan[];
}

export interface PublisherPlan {
  readonly streams: readonly StreamPlan[];
}

/** The messages of one publisher to one topic: what must arrive in order. */
export interface StreamPlan {
  /** Unique in the run. */
  readonly id: number;
  readonly topic: string;
  /** How many subscribers get each message. */
  readonly copies: number;
}

export interface SubscriberPlan {
  readonly filters: readonly string[];
}

export type Scenario = 'pub' | 'sub' | 'pubsub' | 'fanout' | 'fanin' | 'rr' | 'conn';

export interface TopologyOptions {
  readonly scenario: Scenario;
  readonly clients: number;
  /** Undefined: as many as the scenario needs. */
  readonly topics: number | undefined;
  readonly prefix: string;
  /** The group of shared subscriptions. */
  readonly share: string | undefined;
}

export function planTopology(options: TopologyOptions): Topology {
  const { scenario, prefix } = options;
  const counts = countsOf(options);
  // One subscription for all, where one client has to hear everything.
  const isEvery = scenario === 'fanin' || scenario === 'rr' || (scenario === 'sub' && options.topics === undefined);
  const subscribed = Array.from({ length: counts.subscribers }, (_, index) => topicsOf(index, counts.subscribers, counts.topics));
  const copies = copiesOf(subscribed, counts.topics, isEvery || options.share !== undefined);
  let id = 0;
  const publishers = Array.from({ length: counts.publishers }, (_, index) => ({
    streams: topicsOf(index, counts.publishers, counts.topics).map((topic) => ({
      id: id++,
      topic: `${prefix}/${topic}`,
      copies: copies[topic],
    })),
  }));
  const filterOf = (topic: number | '#'): string => `${options.share === undefined ? '' : `$share/${options.share}/`}${prefix}/${topic}`;
  return { publishers, subscribers: subscribed.map((topics) => ({ filters: isEvery ? [filterOf('#')] : topics.map(filterOf) })) };
}

function countsOf({ scenario, clients, topics }: TopologyOptions): Readonly<Record<'publishers' | 'subscribers' | 'topics', number>> {
  switch (scenario) {
    case 'conn':
      return { publishers: 0, subscribers: 0, topics: 0 };
    case 'pub':
      return { publishers: clients, subscribers: 0, topics: topics ?? clients };
    case 'sub':
      return { publishers: 0, subscribers: clients, topics: topics ?? 1 };
    case 'pubsub':
      return { publishers: clients, subscribers: clients, topics: topics ?? clients };
    case 'fanout':
      return { publishers: 1, subscribers: clients, topics: topics ?? 1 };
    case 'fanin':
      return { publishers: clients, subscribers: 1, topics: topics ?? clients };
    case 'rr':
      return { publishers: clients, subscribers: 1, topics: clients };
  }
}

/** For each topic, how many subscribers get a message: one where there is one for all, or where they share. */
function copiesOf(subscribed: readonly (readonly number[])[], topics: number, isOne: boolean): number[] {
  const copies = Array.from({ length: topics }, () => (isOne && subscribed.length > 0 ? 1 : 0));
  if (!isOne) for (const each of subscribed) for (const topic of each) copies[topic] += 1;
  return copies;
}

/** The topics of one of many clients: each has its share, or, where there are fewer topics than clients, one of them. */
function topicsOf(index: number, clients: number, topics: number): number[] {
  if (topics <= clients) return [index % topics];
  return Array.from({ length: Math.ceil((topics - index) / clients) }, (_, step) => index + step * clients);
}

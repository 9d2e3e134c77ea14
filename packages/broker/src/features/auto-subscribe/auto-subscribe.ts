import { assert } from '#base/errors.ts';
import { ReasonCode } from '@wrenmq/codec';
import type { ClientFacts, FeatureContext, RunningFeature, SubscriptionWish } from '#hooks/feature.ts';
import { TopicTemplate, type TopicValues } from '#topic/topic-template.ts';

/** One subscription for everybody, with the options of SUBSCRIBE. */
export interface AutomaticTopic {
  /** `${clientid}`, `${username}`, `${host}` and `${port}` stand for what the client is known by. */
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
}

export interface AutoSubscribeSettings {
  readonly topics: readonly AutomaticTopic[];
}

interface PreparedTopic {
  readonly template: TopicTemplate;
  readonly options: Omit<SubscriptionWish, 'filter'>;
}

/** Subscribes every client that connects, in its name: what it may not have it does not get. */
export class AutoSubscribe implements RunningFeature<AutoSubscribeSettings> {
  readonly #context: FeatureContext<AutoSubscribeSettings>;
  #topics: readonly PreparedTopic[] = [];
  #withdraw: (() => void) | null = null;

  constructor(context: FeatureContext<AutoSubscribeSettings>) {
    this.#context = context;
    this.reload(context.settings);
  }

  /** Holds for whoever connects from now on. The topics must be as the configuration allows them. */
  reload({ topics }: AutoSubscribeSettings): void {
    this.#topics = topics.map(prepare);
    if (topics.length === 0) this.stop();
    else this.#withdraw ??= this.#context.on('client.connected', (client) => this.#subscribe(client));
  }

  stop(): void {
    this.#withdraw?.();
    this.#withdraw = null;
  }

  #subscribe(client: ClientFacts): void {
    const wishes = this.#wishesOf(client);
    if (wishes.length === 0) return;
    void this.#context.clients.subscribe(client.clientId, wishes).then((codes) => this.#report(client, wishes, codes));
  }

  #wishesOf(client: ClientFacts): SubscriptionWish[] {
    const values = valuesOf(client);
    return this.#topics.flatMap(({ template, options }) => {
      const filter = template.expand(values);
      if (typeof filter === 'string') return [{ filter, ...options }];
      const { variable, problem } = filter;
      this.#context.log.warn(
        { clientId: client.clientId, topic: template.text, variable, problem },
        'a client is not subscribed automatically: a value cannot be part of the topic',
      );
      return [];
    });
  }

  #report({ clientId }: ClientFacts, wishes: readonly SubscriptionWish[], codes: readonly number[] | null): void {
    for (const [index, reasonCode] of (codes ?? []).entries()) {
      if (reasonCode < ReasonCode.UnspecifiedError) continue;
      const { filter } = wishes[index];
      this.#context.log.info({ clientId, filter, reasonCode }, 'an automatic subscription was refused');
    }
  }
}

function prepare({ topic, ...options }: AutomaticTopic): PreparedTopic {
  const template = TopicTemplate.parse(topic, { variables: ['clientid', 'username', 'host', 'port'] });
  assert(typeof template !== 'string', 'the topic was checked with the configuration');
  return { template, options };
}

function valuesOf({ clientId, username, peerAddress, peerPort }: ClientFacts): TopicValues {
  return { clientid: clientId, username, host: peerAddress, port: peerPort === 0 ? null : String(peerPort) };
}

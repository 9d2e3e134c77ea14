import type { Clock } from '#base/clock.ts';
import type { Counters } from '#base/counters.ts';
import type { Logger } from '#base/logger.ts';
import type { Delivery } from '#message/delivery.ts';
import type { Message, MessageFields, QoS } from '#message/message.ts';
import type { HookInterest } from './hooks.ts';
import type { Author, ClientFacts, HookPoint, HookPoints } from './points.ts';
export type {
  Author,
  ClientFacts,
  ConnectDetails,
  DisconnectDetails,
  HookPoint,
  HookPoints,
  SubscriptionDetails,
  SubscriptionRequest,
  TakeAnswer,
  TransformAnswer,
} from './points.ts';
export { rewriteMessage } from './rewrite-message.ts';

/** What the broker holds at this moment. */
export interface Statistics {
  readonly connections: number;
  readonly sessions: number;
  readonly sessionsDisconnected: number;
  /** Members of shared subscriptions included. */
  readonly subscriptions: number;
  readonly sharedSubscriptions: number;
  readonly exclusiveSubscriptions: number;
  /** Different filters that somebody subscribed to; of a shared subscription the filter without `$share/group/`. */
  readonly filters: number;
  readonly retainedMessages: number;
  readonly retainedBytes: number;
  /** What topics keep of their last messages (`retained.history`), the retained ones of those topics included. */
  readonly retainedHistoryMessages: number;
  readonly retainedHistoryBytes: number;
  /** That wait until they are due. */
  readonly delayedMessages: number;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  readonly storeBytes: number;
}

/** One shared subscription: a group name with a filter. */
export interface SharedGroupStatistics {
  readonly group: string;
  readonly filter: string;
  /** How a member is chosen. */
  readonly strategy: string;
  /** True when all members outlive their connections: what no member can take waits in the group's own queue. */
  readonly isDurable: boolean;
  readonly members: number;
  readonly membersConnected: number;
  /** Messages that no member has, and their bytes. What a member has and has not acknowledged is not among them. */
  readonly waiting: number;
  readonly waitingBytes: number;
  /** The lag: how long the oldest of them has been waiting, in milliseconds; null when none waits, or, after a restart, until it is read. */
  readonly oldestWaitingMs: number | null;
  /** Since the start: messages that came back from members, went to the dead letters, and were dropped from the queue. */
  readonly returned: number;
  readonly deadLettered: number;
  readonly dropped: number;
}

/** A subscription that somebody makes for a client, with the options of SUBSCRIBE; off and 0 when absent. */
export interface SubscriptionWish {
  /** As a client would send it: `$share/group/filter` is one. */
  readonly filter: string;
  readonly qos: QoS;
  /** Not with `$share`, where MQTT forbids it. */
  readonly noLocal?: boolean;
  readonly retainAsPublished?: boolean;
  readonly retainHandling?: 0 | 1 | 2;
}

/**
 * The clients that are connected, whatever they speak. What is asked for in their name passes everything that their own
 * packets pass: hooks, permissions, limits.
 */
export interface ConnectedClients {
  /** What is known of a client; null when it is not connected. */
  facts(clientId: string): ClientFacts | null;
  /**
   * Subscribes a client; retained messages go out as after its own SUBSCRIBE. Resolves with the reason codes of SUBACK when
   * that is durable, with null when the client is not connected. Asked for in `client.connected`, the subscriptions are made
   * after CONNACK and before the client's next packet.
   */
  subscribe(clientId: string, wishes: readonly SubscriptionWish[]): Promise<readonly number[] | null>;
  /** Ends subscriptions; resolves with the reason codes of UNSUBACK, or with null when the client is not connected. */
  unsubscribe(clientId: string, filters: readonly string[]): Promise<readonly number[] | null>;
}

/** A subscription that there is. */
export interface HeldSubscription {
  readonly clientId: string;
  /** Its name, with `$share/group/` and what else is before the filter. */
  readonly filter: string;
  readonly qos: QoS;
}

/** A delivery that its client has not acknowledged yet. */
export interface UnfinishedDelivery {
  readonly clientId: string;
  readonly delivery: Delivery;
  /** As at `delivery.finished`, so far. */
  readonly tookMs: number;
}

/** Part of a collection, in the order of the bytes of the keys: from `from` on, and before `to`. */
export interface KeyRange {
  readonly from?: Buffer;
  readonly to?: Buffer;
  readonly limit?: number;
}

/**
 * Durable records of a feature. A change is in the batch of the turn: what else a message causes is on disk together with it, or not at
 * all. Keys have 1 to 400 bytes. With `onSettled` a change is gone when the disk is full, and its author told so with false;
 * without, it is tried again until it is written.
 */
export interface Collection {
  /** True while the disk is full: nothing should be put then. Deleting goes on. */
  readonly isFull: boolean;
  /** Key and value belong to the collection from here on. */
  put(key: Buffer, value: Buffer, onSettled?: (isWritten: boolean) => void): void;
  delete(key: Buffer, onSettled?: (isWritten: boolean) => void): void;
  /** The value as it is now, also when it is not on disk yet; null when there is none. */
  get(key: Buffer): Promise<Buffer | null>;
  /** What is on disk, in pages of bounded size. */
  scan(range?: KeyRange): AsyncIterable<readonly { readonly key: Buffer; readonly value: Buffer }[]>;
  /** How many records are on disk; reads none of them. */
  count(range?: KeyRange): Promise<number>;
}

/** The whole world of a feature. */
export interface FeatureContext<Settings> {
  /** The feature's own settings at the start; `RunningFeature.reload` tells of later ones. */
  readonly settings: Settings;
  readonly log: Logger;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly clients: ConnectedClients;
  /** Adds a hook, at the feature's place in hooks/order.ts, and returns what takes it away again. */
  on<Point extends HookPoint>(point: Point, hook: HookPoints[Point], interest?: HookInterest): () => void;
  /** Publishes a message in the feature's name, past authorization. The topic must be a valid topic name. */
  publish(message: Omit<MessageFields, 'publisher' | 'receivedAtMs'>): void;
  /**
   * Publishes a message that the feature had taken in `message.accept`, in the name of its publisher and past authorization (see
   * `mayPublish`). `full`: nothing happened, since the disk or a queue is full. `rejected`: a hook did not let it pass.
   */
  forward(message: Message): 'published' | 'full' | 'rejected';
  /** Whether the author of a message may (still) publish it, by the rules of today. */
  mayPublish(author: Author, message: Message): Promise<boolean>;
  /** A collection of the feature; ask once for each name, of letters. */
  collection(name: string): Collection;
  /**
   * Publishes a value of a topic as it is now and keeps it in memory: whoever subscribes later gets the last one as a
   * retained message, and nothing is written to disk. An empty payload ends it. For what is made anew at every start.
   */
  publishValue(message: Omit<MessageFields, 'publisher' | 'receivedAtMs' | 'retain'>): void;
  /** Publishes what the house has to tell of itself at this moment, past authorization, at QoS 0. Nothing is kept, and no counter moves. */
  announce(topic: string, payload: string): void;
  statistics(): Statistics;
  /** Every shared subscription that has a member; a walk over their members. */
  sharedGroups(): SharedGroupStatistics[];
  /** Of each connected client the delivery that has been with it longest and is not finished; a walk over the sessions. */
  unfinished(): Iterable<UnfinishedDelivery>;
  /** Those of all sessions, connected or not; a walk over everything. */
  subscriptions(): Iterable<HeldSubscription>;
}

/** One number for one metric. */
export interface FeatureSample {
  readonly name: string;
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** A feature that runs. */
export interface RunningFeature<Settings> {
  /** The configuration was read again. */
  reload(settings: Settings): void;
  stop(): void;
  /** What the feature holds, as its part of the statistics. */
  statistics?(): Partial<Statistics>;
  /** What the feature measures, for Prometheus; each name has its line in api/metrics-table.ts. */
  samples?(): readonly FeatureSample[];
}

/** A feature: a folder of its own, known to the rest of the house by this alone. */
export interface Feature<Settings, Running extends RunningFeature<Settings> = RunningFeature<Settings>> {
  readonly name: string;
  /** The section of the configuration that is its own. */
  readonly section: string;
  /** All sessions and subscriptions are there, clients are not: they come when every feature has started. */
  start(context: FeatureContext<Settings>): Running | Promise<Running>;
}

/** States a feature; for the types only. */
export function defineFeature<Settings, Running extends RunningFeature<Settings> = RunningFeature<Settings>>(
  feature: Feature<Settings, Running>,
): Feature<Settings, Running> {
  return feature;
}

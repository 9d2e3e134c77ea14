import type { QoS } from '#message/message.ts';
import type { HistoryPosition } from '#topic/history-position.ts';
import type { Session } from './session.ts';

/** Subscription Options [MQTT-3.8.3] and what goes with them. */
export interface SubscriptionOptions {
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
  /** Subscription Identifier, or 0 for none. */
  readonly identifier: number;
}

/** One session's interest in one topic filter. */
export class Subscription {
  readonly session: Session;
  /** Its name: as the client wrote it, `$share/...` included, or as a hook rewrote it. */
  readonly text: string;
  /** The filter that topics are matched with. */
  readonly filter: string;
  /** The ShareName, or null. */
  readonly group: string | null;
  readonly options: SubscriptionOptions;
  /** The number under which a durable session stores it. */
  readonly number: number;
  /** Decides topic by topic where the authorization rules cut through the filter; null when all topics are allowed. */
  mayReceive: ((topic: string) => boolean) | null = null;
  /** Where it stands while it still reads the history; null when it is live, as most are from the beginning. */
  catchUp: HistoryPosition | null = null;

  constructor(
    session: Session,
    parsed: { text: string; filter: string; group: string | null },
    options: SubscriptionOptions,
    number: number,
  ) {
    this.session = session;
    this.text = parsed.text;
    this.filter = parsed.filter;
    this.group = parsed.group;
    this.options = options.identifier === 0 ? PLAIN_OPTIONS[codeOf(options)] : options;
    this.number = number;
  }
}

/** Every combination without an identifier: a million subscriptions share these few objects. */
const PLAIN_OPTIONS: readonly SubscriptionOptions[] = Array.from({ length: 48 }, (_, code) =>
  Object.freeze({
    qos: (code & 3) as QoS,
    noLocal: (code & 4) !== 0,
    retainAsPublished: (code & 8) !== 0,
    retainHandling: (code >> 4) as 0 | 1 | 2,
    identifier: 0,
  }),
);

/** As the byte of SUBSCRIBE has them (3.8.3.1). */
function codeOf({ qos, noLocal, retainAsPublished, retainHandling }: SubscriptionOptions): number {
  return qos | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) | (retainHandling << 4);
}

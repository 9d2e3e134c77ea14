/** What something costs that is configured and has nothing to do: the same load without it and with it. */
export interface Comparison {
  readonly title: string;
  /** Settings of the two brokers, in the form of `--set`; the rest is at its default. */
  readonly sides: Readonly<Record<Side, Readonly<Record<string, string>>>>;
  /** So much of the messages per CPU-second it may cost. */
  readonly lossMax: number;
}

/** In the order in which they are measured. */
export const SIDES = ['without', 'with'] as const;
export type Side = (typeof SIDES)[number];

/** No topic of the load is below it. */
const elsewhere = 'nothing/of/the/load';

const events = ['clientConnected', 'clientDisconnected', 'clientSubscribed', 'clientUnsubscribed'];

function everyEvent(isOn: boolean): Record<string, string> {
  return Object.fromEntries(events.map((event) => [`sys.events.${event}`, String(isOn)]));
}

/** These are never idle, and are measured on their own: a cost of theirs on both sides would make that of the others look small. */
const quiet = { 'history.enabled': 'false', 'explain.enabled': 'false' };

export const COMPARISONS: Readonly<Record<string, Comparison>> = {
  features: {
    title: 'every feature switched off, and every feature enabled and idle',
    lossMax: 0.05,
    sides: {
      without: {
        ...quiet,
        'exclusiveSubscriptions.enabled': 'false',
        'delayed.enabled': 'false',
        'slowSubscriptions.enabled': 'false',
        'sys.interval': 'null',
        'sys.nodeInterval': 'null',
        'sys.heartbeatInterval': 'null',
        'sys.alarms.interval': 'null',
        ...everyEvent(false),
      },
      // Idle: each has something to look after, and nothing of the load is any of it.
      with: {
        ...quiet,
        'exclusiveSubscriptions.enabled': 'true',
        'delayed.enabled': 'true',
        'autoSubscribe.topics': '[{"topic":"clients/${clientid}/inbox","qos":1}]',
        'rewrite.rules': JSON.stringify([
          { action: 'all', sourceTopic: `${elsewhere}/#`, re: `^${elsewhere}/(.+)$`, destTopic: 'else/$1' },
        ]),
        'slowSubscriptions.enabled': 'true',
        'topicMetrics.metrics': JSON.stringify({ elsewhere: `${elsewhere}/#` }),
        'limits.retainedMessagesMax': '100000',
        'limits.retainedBytesMax': '100MB',
        'retained.payloadBytesMax': '1MB',
        'retained.storeRate': '1000/s',
        'retained.deliveryRate': '1000/s',
        'retained.expiryDefault': '1d',
        'retained.history': JSON.stringify([{ filter: `${elsewhere}/#`, messages: 10 }]),
        'sys.interval': '10s',
        'sys.nodeInterval': '10s',
        'sys.heartbeatInterval': '10s',
        'sys.alarms.interval': '10s',
        ...everyEvent(true),
      },
    },
  },
  history: {
    title: 'nothing kept, and everything that is published kept in the history',
    lossMax: 0.05,
    sides: { without: { 'history.enabled': 'false' }, with: { 'history.enabled': 'true' } },
  },
  explain: {
    title: 'nothing remembered, and every decision remembered so that it can be explained',
    lossMax: 0.05,
    sides: { without: { 'explain.enabled': 'false' }, with: { 'explain.enabled': 'true' } },
  },
};

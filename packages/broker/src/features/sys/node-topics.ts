import { brokerVersion } from '#base/version.ts';
import { publishDropped, publishReceived, publishSent, type Sample } from './sample.ts';

const ROOT = '$SYS/brokers';

/** `$SYS/brokers` and `$SYS/brokers/<node>/#` with the names and units of EMQX. */
export class NodeTopics {
  readonly #node: string;
  readonly #highest = new Map<string, number>();

  /** `host` becomes part of the node's name, which is one level of a topic. */
  constructor(host: string) {
    this.#node = `wrenmq@${host.replaceAll(/[+#/\0\s]/g, '-')}`;
  }

  values(sample: Sample): [string, string][] {
    const own = `${ROOT}/${this.#node}`;
    return [
      [ROOT, this.#node],
      [`${own}/version`, brokerVersion],
      [`${own}/sysdescr`, 'WrenMQ'],
      [`${own}/uptime`, String(Math.floor(sample.uptimeMs))],
      [`${own}/datetime`, new Date(sample.wallMs).toISOString()],
      ...this.#stats(sample).map(([name, value]): [string, string] => [`${own}/stats/${name}`, String(value)]),
      ...metrics(sample).map(([name, value]): [string, string] => [`${own}/metrics/${name}`, String(value)]),
    ];
  }

  /** Each with the highest value that was seen. */
  #stats({ statistics }: Sample): [string, number][] {
    const { connections, sessions, subscriptions, sharedSubscriptions, retainedMessages } = statistics;
    const now: [string, number][] = [
      ['connections', connections],
      ['live_connections', sessions - statistics.sessionsDisconnected],
      ['sessions', sessions],
      ['subscriptions', subscriptions],
      ['subscriptions/shared', sharedSubscriptions],
      ['retained', retainedMessages],
      ['delayed', statistics.delayedMessages],
    ];
    return now.flatMap(([name, value]) => {
      const highest = Math.max(value, this.#highest.get(name) ?? 0);
      this.#highest.set(name, highest);
      return [
        [`${name}/count`, value],
        [`${name}/max`, highest],
      ];
    });
  }
}

function metrics({ counters }: Sample): [string, number][] {
  const { dropped } = counters;
  return [
    ['bytes/received', counters.bytesReceived],
    ['bytes/sent', counters.bytesSent],
    ['packets/received', counters.packetsReceived],
    ['packets/sent', counters.packetsSent],
    ['messages/received', publishReceived(counters)],
    ['messages/sent', publishSent(counters)],
    ['messages/qos0/received', counters.publishReceivedQoS0],
    ['messages/qos0/sent', counters.publishSentQoS0],
    ['messages/qos1/received', counters.publishReceivedQoS1],
    ['messages/qos1/sent', counters.publishSentQoS1],
    ['messages/qos2/received', counters.publishReceivedQoS2],
    ['messages/qos2/sent', counters.publishSentQoS2],
    ['messages/dropped/no_subscribers', counters.publishUnmatched],
    ['messages/delayed', counters.delayedAccepted],
    ['messages/delayed/published', counters.delayedPublished],
    ['messages/delayed/expired', counters.delayedExpired],
    ['messages/delayed/refused', counters.delayedRefused],
    ['delivery/dropped', publishDropped(counters)],
    ['delivery/dropped/too_large', dropped['too-large']],
    ['delivery/dropped/queue_full', dropped['queue-full']],
    ['delivery/dropped/expired', dropped.expired],
    ['session/created', counters.sessionsCreated],
    ['session/resumed', counters.sessionsResumed],
    ['session/takenover', counters.sessionsTakenOver],
  ];
}

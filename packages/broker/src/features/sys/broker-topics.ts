import type { Counters } from '#base/counters.ts';
import { brokerVersion } from '#base/version.ts';
import { LoadAverage } from './load-average.ts';
import { publishDropped, publishReceived, publishSent, type Sample } from './sample.ts';

const ROOT = '$SYS/broker';

/** What mosquitto averages, under its names. */
const loads: readonly (readonly [string, (counters: Counters) => number])[] = [
  ['messages/received', (counters) => counters.packetsReceived],
  ['messages/sent', (counters) => counters.packetsSent],
  ['publish/dropped', publishDropped],
  ['publish/received', publishReceived],
  ['publish/sent', publishSent],
  ['bytes/received', (counters) => counters.bytesReceived],
  ['bytes/sent', (counters) => counters.bytesSent],
  ['sockets', (counters) => counters.connectionsOpened],
  ['connections', (counters) => counters.sessionsCreated + counters.sessionsResumed],
];

/** `$SYS/broker/#` with the names, the units and the spelling of mosquitto 2.0. */
export class BrokerTopics {
  readonly #averages: readonly { readonly average: LoadAverage; readonly count: (counters: Counters) => number }[];
  #lastMs: number;
  #clientsMax = 0;
  #heapBytesMax = 0;

  constructor(first: Sample) {
    this.#averages = loads.map(([name, count]) => ({ average: new LoadAverage(`${ROOT}/load/${name}`, count(first.counters)), count }));
    this.#lastMs = first.uptimeMs;
  }

  /** Topic and value of everything, as of this sample; samples come in the order of time. */
  values(sample: Sample): [string, string][] {
    const { counters, statistics } = sample;
    const elapsedMs = sample.uptimeMs - this.#lastMs;
    this.#lastMs = sample.uptimeMs;
    if (elapsedMs > 0) for (const { average, count } of this.#averages) average.take(count(counters), elapsedMs);
    this.#clientsMax = Math.max(this.#clientsMax, statistics.sessions);
    this.#heapBytesMax = Math.max(this.#heapBytesMax, sample.heapBytes);
    const texts: [string, string][] = [
      [`${ROOT}/version`, `WrenMQ version ${brokerVersion}`],
      [`${ROOT}/uptime`, `${Math.floor(sample.uptimeMs / 1000)} seconds`],
    ];
    const numbers = this.#numbers(sample).map(([name, value]): [string, string] => [`${ROOT}/${name}`, String(value)]);
    return [...texts, ...numbers, ...this.#averages.flatMap(({ average }) => average.values())];
  }

  #numbers({ counters, statistics, heapBytes }: Sample): [string, number][] {
    const { sessions, sessionsDisconnected, subscriptions, sharedSubscriptions, retainedMessages, retainedBytes } = statistics;
    const connected = sessions - sessionsDisconnected;
    const stored = statistics.queuedMessages + retainedMessages;
    return [
      ['clients/total', sessions],
      ['clients/maximum', this.#clientsMax],
      ['clients/inactive', sessionsDisconnected],
      ['clients/disconnected', sessionsDisconnected],
      ['clients/active', connected],
      ['clients/connected', connected],
      ['clients/expired', counters.sessionsExpired],
      ['messages/stored', stored],
      ['messages/received', counters.packetsReceived],
      ['messages/sent', counters.packetsSent],
      ['store/messages/count', stored],
      ['store/messages/bytes', statistics.queuedBytes + retainedBytes],
      ['subscriptions/count', subscriptions - sharedSubscriptions],
      ['shared_subscriptions/count', sharedSubscriptions],
      ['retained messages/count', retainedMessages],
      ['heap/current', heapBytes],
      ['heap/maximum', this.#heapBytesMax],
      ['publish/messages/dropped', publishDropped(counters)],
      ['publish/messages/received', publishReceived(counters)],
      ['publish/messages/sent', publishSent(counters)],
      ['publish/bytes/received', counters.payloadBytesReceived],
      ['publish/bytes/sent', counters.payloadBytesSent],
      ['bytes/received', counters.bytesReceived],
      ['bytes/sent', counters.bytesSent],
    ];
  }
}

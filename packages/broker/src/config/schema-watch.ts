import { z } from 'zod';
import { parseTopicFilter } from '#topic/topic-filter.ts';
import { count, duration, durationInSeconds, key, section } from './schema-key.ts';

const TOPIC_METRICS_MAX = 1000;

const rhythm = () => durationInSeconds({ min: '1s', max: '1d' }).nullable();

const event = (about: string, isOn: boolean) =>
  key('live', `${about}, under clients/<client id>/ of the node.`, z.boolean().prefault(isOn));

export const sys = section('The $SYS topics: what the broker tells of itself.', {
  interval: key(
    'live',
    "How often $SYS/broker/#, mosquitto's names, is brought up to date, 1s to 1d; null: not at all.",
    rhythm().prefault('10s'),
  ),
  nodeInterval: key(
    'live',
    'How often $SYS/brokers and version, sysdescr, stats/# and metrics/# of the node are published, 1s to 1d; null: not at all.',
    rhythm().prefault('1m'),
  ),
  heartbeatInterval: key(
    'live',
    'How often uptime and datetime of the node are published, 1s to 1d; null: not at all.',
    rhythm().prefault('30s'),
  ),
  events: section('What happens to clients, as JSON under $SYS/brokers/<node>/clients/<client id>/.', {
    clientConnected: event('Whether connected is published when a client has been let in', true),
    clientDisconnected: event('Whether disconnected is published when a client is gone', true),
    clientSubscribed: event('Whether subscribed is published when a subscription was made', false),
    clientUnsubscribed: event('Whether unsubscribed is published when a client has ended a subscription', false),
  }),
  alarms: section('What is told under $SYS/brokers/<node>/alarms/ when the machine has too much to do.', {
    interval: key('live', 'How often the machine and the disk are looked at, 1s to 1d; null: never.', rhythm().prefault('1m')),
    cpuHigh: key('live', 'Above so many percent of all processors high_cpu_usage comes, 1 to 100.', count(1, 100).prefault(80)),
    cpuLow: key('live', 'At so many percent or fewer it goes, 0 to 100.', count(0, 100).prefault(60)),
    memoryHigh: key('live', 'Above so many percent of the memory high_system_memory_usage comes, 0 to 100.', count(0, 100).prefault(70)),
  }),
});

const metricFilter = z
  .string()
  .max(65_535)
  .superRefine((filter, context) => {
    const parsed = parseTopicFilter(filter, Infinity);
    const message =
      typeof parsed === 'string' ? parsed : parsed.group === null ? null : 'is a shared subscription: leave $share/group/ away';
    if (message !== null) context.addIssue({ code: 'custom', message });
  });

export const topicMetrics = section('What goes through topics: messages, bytes, rates and delivery latency, by filter.', {
  metricsMax: key(
    'live',
    `Topic metrics at the same time, those made at run time included, 0 to ${TOPIC_METRICS_MAX}; more are refused, or left out when they are configured.`,
    count(0, TOPIC_METRICS_MAX).prefault(512),
  ),
  metrics: key(
    'live',
    `Filters by the name of the metric, which Prometheus shows as a label; at most ${TOPIC_METRICS_MAX}.`,
    z
      .record(z.string().regex(/^[^\p{Cc}]{1,256}$/u, 'is not the name of a metric: 1 to 256 characters'), metricFilter)
      .refine((metrics) => Object.keys(metrics).length <= TOPIC_METRICS_MAX, `are more than ${TOPIC_METRICS_MAX}`)
      .prefault({}),
  ),
});

export const slowSubscriptions = section('The slowest deliveries: to whom, of which topic, and what they waited for.', {
  enabled: key('live', 'Whether deliveries are timed.', z.boolean().prefault(false)),
  threshold: key('live', 'Faster ones are not listed, 1ms to 1h.', duration({ min: '1ms', max: '1h' }).prefault('500ms')),
  expireAfter: key('live', 'How long one is listed after it was slowest, 1s to 1d.', duration({ min: '1s', max: '1d' }).prefault('300s')),
  entriesMax: key('live', 'How many are listed, 1 to 1000: the slowest.', count(1, 1000).prefault(10)),
  statistics: key(
    'live',
    'What is timed: whole (from receipt to acknowledgement, at QoS 0 until it is sent), internal (until it is sent), response (from then on).',
    z.enum(['whole', 'internal', 'response']).prefault('whole'),
  ),
});

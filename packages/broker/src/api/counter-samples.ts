import type { Counters } from '#base/counters.ts';
import type { MetricName, MetricSample } from './metrics-table.ts';

type Field = { readonly [K in keyof Counters]: Counters[K] extends number ? K : never }[keyof Counters];

/** Which metric each counter of the house is. A counter without a line here does not compile. */
const metricOf: Readonly<Record<Field, { readonly name: MetricName; readonly labels?: Readonly<Record<string, string>> }>> = {
  bytesReceived: { name: 'wrenmq_received_bytes_total' },
  bytesSent: { name: 'wrenmq_sent_bytes_total' },
  packetsReceived: { name: 'wrenmq_packets_received_total' },
  packetsSent: { name: 'wrenmq_packets_sent_total' },
  publishReceivedQoS0: { name: 'wrenmq_messages_received_total', labels: { qos: '0' } },
  publishReceivedQoS1: { name: 'wrenmq_messages_received_total', labels: { qos: '1' } },
  publishReceivedQoS2: { name: 'wrenmq_messages_received_total', labels: { qos: '2' } },
  publishSentQoS0: { name: 'wrenmq_messages_sent_total', labels: { qos: '0' } },
  publishSentQoS1: { name: 'wrenmq_messages_sent_total', labels: { qos: '1' } },
  publishSentQoS2: { name: 'wrenmq_messages_sent_total', labels: { qos: '2' } },
  payloadBytesReceived: { name: 'wrenmq_payload_received_bytes_total' },
  payloadBytesSent: { name: 'wrenmq_payload_sent_bytes_total' },
  publishUnmatched: { name: 'wrenmq_messages_unmatched_total' },
  connectionsOpened: { name: 'wrenmq_connections_opened_total' },
  connectionsClosed: { name: 'wrenmq_connections_closed_total' },
  clientsConnected: { name: 'wrenmq_clients_connected_total' },
  clientsDisconnected: { name: 'wrenmq_clients_disconnected_total' },
  subscriptionsMade: { name: 'wrenmq_subscriptions_made_total' },
  subscriptionsEnded: { name: 'wrenmq_subscriptions_ended_total' },
  sessionsCreated: { name: 'wrenmq_sessions_created_total' },
  sessionsResumed: { name: 'wrenmq_sessions_resumed_total' },
  sessionsTakenOver: { name: 'wrenmq_sessions_taken_over_total' },
  sessionsExpired: { name: 'wrenmq_sessions_expired_total' },
  willsPublished: { name: 'wrenmq_wills_published_total' },
  groupReturned: { name: 'wrenmq_shared_returned_total' },
  groupDeadLettered: { name: 'wrenmq_shared_dead_lettered_total' },
  delayedAccepted: { name: 'wrenmq_delayed_accepted_total' },
  delayedPublished: { name: 'wrenmq_delayed_published_total' },
  delayedExpired: { name: 'wrenmq_delayed_expired_total' },
  delayedRefused: { name: 'wrenmq_delayed_refused_total' },
};

/** What the house has counted, as samples. */
export function counterSamples(counters: Counters): MetricSample[] {
  const fields = Object.keys(metricOf) as Field[];
  const samples: MetricSample[] = fields.map((field) => ({ ...metricOf[field], value: counters[field] }));
  for (const [reason, value] of Object.entries(counters.dropped))
    samples.push({ name: 'wrenmq_messages_dropped_total', value, labels: { reason } });
  for (const [reason, value] of Object.entries(counters.refused))
    samples.push({ name: 'wrenmq_clients_refused_total', value, labels: { reason } });
  return samples;
}

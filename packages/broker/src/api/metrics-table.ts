/**
 * Every metric of the house: name, kind, labels, and the HELP line. Names follow Prometheus: base units, `_total` on counters.
 * Labels come from closed sets; a client id, user name or topic is never one, but for the names of topic metrics and of shared
 * groups in the configuration, which the administrator gives and whose number is bounded.
 */
export const metricsTable = {
  wrenmq_ready: gauge('1 when clients are served, 0 while the broker starts, stops or has lost its store.'),
  wrenmq_connections: gauge('Open connections.', ['listener']),
  wrenmq_connections_opened_total: counter('Connections that were accepted.'),
  wrenmq_connections_closed_total: counter('Connections that ended, whoever closed them.'),
  wrenmq_clients_refused_total: counter('Clients that the broker refused or disconnected.', ['reason']),
  wrenmq_clients_connected_total: counter('Clients that were let in.'),
  wrenmq_clients_disconnected_total: counter('Clients that had been let in, and left or were disconnected.'),
  wrenmq_sessions: gauge('Sessions.', ['state']),
  wrenmq_sessions_created_total: counter('Sessions that began.'),
  wrenmq_sessions_resumed_total: counter('Connections that found their session again.'),
  wrenmq_sessions_taken_over_total: counter('Connections that were replaced by a newer one with the same client identifier.'),
  wrenmq_sessions_expired_total: counter('Sessions that ended because their client stayed away too long.'),
  wrenmq_subscriptions: gauge('Subscriptions.', ['kind']),
  wrenmq_subscriptions_made_total: counter('Subscriptions that clients made, or made again.'),
  wrenmq_subscriptions_ended_total: counter('Subscriptions that clients ended.'),
  wrenmq_received_bytes_total: counter('Bytes of MQTT packets from clients.'),
  wrenmq_sent_bytes_total: counter('Bytes of MQTT packets to clients.'),
  wrenmq_packets_received_total: counter('MQTT packets from clients.'),
  wrenmq_packets_sent_total: counter('MQTT packets to clients.'),
  wrenmq_messages_received_total: counter('PUBLISH packets from clients.', ['qos']),
  wrenmq_messages_sent_total: counter('PUBLISH packets to clients.', ['qos']),
  wrenmq_payload_received_bytes_total: counter('Payload bytes of PUBLISH packets from clients.'),
  wrenmq_payload_sent_bytes_total: counter('Payload bytes of PUBLISH packets to clients.'),
  wrenmq_messages_unmatched_total: counter('Messages that no subscription asked for.'),
  wrenmq_messages_dropped_total: counter('Messages that were to be delivered and were not.', ['reason']),
  wrenmq_queued_messages: gauge('Messages that wait in the queues of sessions.'),
  wrenmq_queued_bytes: gauge('Bytes that wait in the queues of sessions.'),
  wrenmq_retained_messages: gauge('Retained messages.'),
  wrenmq_retained_bytes: gauge('Bytes of retained messages.'),
  wrenmq_retained_history_messages: gauge('Messages that topics with a history keep, the retained ones included.'),
  wrenmq_retained_history_bytes: gauge('Bytes of the messages that topics with a history keep.'),
  wrenmq_retained_history_full_total: counter('Topics whose history began anew since all histories together were full.'),
  wrenmq_history_messages: gauge('Messages that the history keeps.'),
  wrenmq_history_bytes: gauge('Bytes of the history on disk.'),
  wrenmq_history_segments: gauge('Files of the history.'),
  wrenmq_history_oldest_timestamp_seconds: gauge(
    'When the oldest message of the history was published, in seconds since 1970; 0 without any.',
  ),
  wrenmq_history_kept_total: counter('Messages that the history took.'),
  wrenmq_history_missed_total: counter('Messages that the history could not keep, or found damaged.', ['reason']),
  wrenmq_hook_failures_total: counter('Hooks that threw, or answered what is no answer.'),
  wrenmq_wills_published_total: counter('Will messages that were published.'),
  wrenmq_shared_groups: gauge('Shared subscriptions that have a member.', ['kind']),
  wrenmq_shared_members: gauge('Members of shared subscriptions.', ['state']),
  wrenmq_shared_waiting_messages: gauge('Messages that wait for durable groups and that no member has.'),
  wrenmq_shared_waiting_bytes: gauge('Bytes of messages that wait for durable groups.'),
  wrenmq_shared_oldest_seconds: gauge('How long the oldest message that waits for a durable group has been waiting.'),
  wrenmq_shared_group_members: gauge('Members of a group that the configuration names.', ['group', 'state']),
  wrenmq_shared_group_waiting_messages: gauge('Messages that wait for a group that the configuration names: its backlog.', ['group']),
  wrenmq_shared_group_oldest_seconds: gauge('How long the oldest of them has been waiting: the lag.', ['group']),
  wrenmq_shared_returned_total: counter('Messages that members of durable groups did not finish and gave back.'),
  wrenmq_shared_dead_lettered_total: counter('Messages that went to a dead-letter topic after too many deliveries.'),
  wrenmq_delayed_messages: gauge('Delayed messages that wait.'),
  wrenmq_delayed_accepted_total: counter('Delayed messages that were taken.'),
  wrenmq_delayed_published_total: counter('Delayed messages that were published.'),
  wrenmq_delayed_expired_total: counter('Delayed messages that expired before they were due.'),
  wrenmq_delayed_refused_total: counter('Delayed messages that were refused for want of room.'),
  wrenmq_topic_messages_total: counter('Messages of a topic metric.', ['metric', 'direction', 'qos']),
  wrenmq_topic_payload_bytes_total: counter('Payload bytes of the messages of a topic metric.', ['metric', 'direction']),
  wrenmq_topic_unmatched_total: counter('Messages of a topic metric that no subscription asked for.', ['metric']),
  wrenmq_topic_latency_seconds: gauge('From receipt to delivery, over the last one to two minutes.', ['metric', 'quantile']),
  wrenmq_slow_subscriptions: gauge('Subscriptions in the table of the slowest.'),
  wrenmq_alarms_active: gauge('1 while there is an alarm of this kind.', ['kind']),
  wrenmq_store_bytes: gauge('Bytes that the store takes on disk.'),
  wrenmq_listener_accepted_total: counter('Connections that a listener took, before any handshake.', ['listener']),
  wrenmq_listener_refused_total: counter('Connections that a listener closed at once or during a handshake.', ['listener', 'reason']),
  process_cpu_user_seconds_total: counter('CPU time of the process in user mode.'),
  process_cpu_system_seconds_total: counter('CPU time of the process in the kernel.'),
  process_cpu_seconds_total: counter('CPU time of the process.'),
  process_start_time_seconds: gauge('When the process started, seconds since 1970.'),
  process_resident_memory_bytes: gauge('Memory of the process.'),
  process_open_fds: gauge('Open files and sockets.'),
  process_max_fds: gauge('Files and sockets that may be open.'),
  nodejs_heap_size_total_bytes: gauge('Size of the JavaScript heap.'),
  nodejs_heap_size_used_bytes: gauge('Used part of the JavaScript heap.'),
  nodejs_external_memory_bytes: gauge('Memory outside the JavaScript heap that belongs to its objects.'),
  nodejs_eventloop_lag_seconds: gauge('Delay of one turn of the event loop, measured now.'),
  nodejs_eventloop_utilization_ratio: gauge('Share of the time since the last scrape in which the event loop was busy.'),
} as const satisfies Record<string, MetricDefinition>;

export interface MetricDefinition {
  readonly kind: 'counter' | 'gauge';
  readonly help: string;
  readonly labels: readonly string[];
}

export type MetricName = keyof typeof metricsTable;

/** One number for one metric; `labels` names exactly the labels of the table. */
export interface MetricSample {
  readonly name: MetricName;
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

function counter(help: string, labels: readonly string[] = []): MetricDefinition {
  return { kind: 'counter', help, labels };
}

function gauge(help: string, labels: readonly string[] = []): MetricDefinition {
  return { kind: 'gauge', help, labels };
}

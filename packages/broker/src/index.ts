export { Broker, type BoundAddresses, type BrokerMessage, type BrokerOptions, createBroker } from './broker.ts';
export type { BoundListener } from '#boot/doors.ts';
export type { Clock } from '#base/clock.ts';
export { OperationalError } from '#base/errors.ts';
export type { DropReason } from '#base/counters.ts';
export type { LogFields, Logger } from '#base/logger.ts';
export { ConfigError, type ConfigProblem } from '#config/config-error.ts';
export { loadConfig, type ConfigSources } from '#config/load-config.ts';
export type { LoadedConfig } from '#config/loaded-config.ts';
export type { Config } from '#config/schema.ts';
export { delayed } from '#features/delayed/index.ts';
export type { Delayed, DelayedSettings, ReleaseOutcome } from '#features/delayed/delayed.ts';
export type { DelayedMessage, DelayedMessageWithPayload } from '#features/delayed/delayed-message.ts';
export type {
  Acknowledgement,
  Explanation,
  ExplainQuestion,
  Finding,
  FindingKind,
  KnownSubscription,
  Refuser,
  WaitingFor,
} from '#explain/explanation.ts';
export type { Feature, RunningFeature, SharedGroupStatistics, Statistics, SubscriptionWish } from '#hooks/feature.ts';
export { autoSubscribe } from '#features/auto-subscribe/index.ts';
export type { AutomaticTopic } from '#features/auto-subscribe/auto-subscribe.ts';
export { exclusive } from '#features/exclusive/index.ts';
export type { ExclusiveSubscription } from '#features/exclusive/exclusive-subscriptions.ts';
export { slowSubscriptions } from '#features/slow-subscriptions/index.ts';
export type { SlowCause, SlowSubscription } from '#features/slow-subscriptions/slowest.ts';
export { topicMetrics } from '#features/topic-metrics/index.ts';
export type { FlowReading } from '#features/topic-metrics/flow.ts';
export type { LatencyReading } from '#features/topic-metrics/latency-histogram.ts';
export type { TopicMetricReading } from '#features/topic-metrics/topic-metric.ts';
export type { AddedMetric } from '#features/topic-metrics/topic-metrics.ts';
export { sys } from '#features/sys/index.ts';
export type { Alarm, AlarmName } from '#features/sys/alarms.ts';
export { rewrite } from '#features/rewrite/index.ts';
export type { RewriteQuestion, RewriteResult } from '#features/rewrite/rewrite-rules.ts';
export type { HookInterest } from '#hooks/hooks.ts';
export type {
  Author,
  ClientFacts,
  ConnectDetails,
  DisconnectDetails,
  GateAnswer,
  HookPoint,
  HookPoints,
  IncomingConnection,
  SubscriptionDetails,
  SubscriptionRequest,
  TakeAnswer,
  TransformAnswer,
} from '#hooks/points.ts';
export { type MessageChanges, rewriteMessage } from '#hooks/rewrite-message.ts';
export type { HistoryAdministration, HistoryMessage, HistoryRequest } from '#history/history-administration.ts';
export type { GapReason, HistoryStatistics } from '#history/history-counts.ts';
export type {
  RetainedAdministration,
  RetainedMessage,
  RetainedMessageWithPayload,
  RetainedPage,
} from '#retained/retained-administration.ts';
export { type Delivery, Obstacle } from '#message/delivery.ts';
export { createMessage, Message, type MessageFields, type QoS } from '#message/message.ts';
export { type PublishProperties, ReasonCode } from '@wrenmq/codec';

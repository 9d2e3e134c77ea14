export { Broker, type BoundAddresses, type BrokerMessage, type BrokerOptions, createBroker } from './broker.ts';
export type { BoundListener } from '#boot/doors.ts';
export type { Clock } from '#base/clock.ts';
export { OperationalError } from '#base/errors.ts';
export type { Logger } from '#base/logger.ts';
export { ConfigError } from '#config/config-error.ts';
export { defineFeature, type Feature, type FeatureContext } from '#hooks/feature.ts';
export type { ClientFacts, GateAnswer, HookPoint, HookPoints, SubscriptionRequest, TakeAnswer, TransformAnswer } from '#hooks/points.ts';
export { createMessage, Message, type MessageFields } from '#message/message.ts';

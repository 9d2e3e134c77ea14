import type { PublishProperties } from '@wrenmq/codec';
import { NEVER, type QoS } from '#message/message.ts';
import { dueMsOf, idOf, type WaitingMessage } from './delayed-record.ts';

/** A message that waits, as people see it. */
export interface DelayedMessage {
  readonly id: string;
  /** The real topic. */
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Client identifier, or the part of the house. */
  readonly publisher: string;
  readonly username: string | null;
  /** Wall clock, milliseconds. */
  readonly receivedAtMs: number;
  readonly dueAtMs: number;
  /** Null: never. Before `dueAtMs` it is never published. */
  readonly expiresAtMs: number | null;
  readonly payloadBytes: number;
}

export interface DelayedMessageWithPayload extends DelayedMessage {
  readonly payload: Buffer;
  readonly properties: PublishProperties;
}

export function describe(key: Buffer, { author, message }: WaitingMessage): DelayedMessage {
  const { topic, qos, retain, publisher, receivedAtMs, expiresAtMs, payloadBytes } = message;
  return {
    id: idOf(key),
    topic,
    qos,
    retain,
    publisher,
    username: author?.username ?? null,
    receivedAtMs,
    dueAtMs: dueMsOf(key),
    expiresAtMs: expiresAtMs === NEVER ? null : expiresAtMs,
    payloadBytes,
  };
}

export function describeWithPayload(key: Buffer, waiting: WaitingMessage): DelayedMessageWithPayload {
  const { payload, properties } = waiting.message;
  return { ...describe(key, waiting), payload, properties };
}

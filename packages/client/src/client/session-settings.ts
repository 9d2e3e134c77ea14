import type { Will } from '@wrenmq/codec';
import { MqttError } from '#base/mqtt-error.ts';
import { randomClientId } from '#base/random-client-id.ts';
import { payloadBytes, publishProperties } from '#message/publish-fields.ts';
import { packetBytesMax } from '#session/broker-limits.ts';
import type { SessionSettings } from '#session/session-contract.ts';
import type { ConnectOptions, OutboundOptions, WillOptions } from './connect-options.ts';

const durableExpirySeconds = 86_400;

/** What the session is made with, defaults filled in. */
export function sessionSettings(options: ConnectOptions): SessionSettings {
  const { session = {}, will, userProperties } = options;
  const { store } = session;
  const isDurable = store?.isDurable ?? false;
  // Empty: the store has one of its own.
  const clientId = options.clientId ?? (isDurable ? '' : randomClientId());
  if (isDurable && clientId === '' && store?.identify === undefined)
    throw new MqttError('INVALID', 'this session store has no client id of its own: give it a clientId');
  return {
    clientId,
    version: options.protocol === '3.1.1' ? 4 : 5,
    keepAlive: options.keepAlive ?? 60,
    sessionExpiry: session.expiry ?? (isDurable ? durableExpirySeconds : 0),
    resume: session.resume ?? 'auto',
    onLost: session.onLost ?? 'republish',
    onLostExactlyOnce: session.onLostExactlyOnce ?? 'fail',
    receiveMaximum: options.inbound?.receiveMaximum ?? 1_024,
    maxPacketSize: options.inbound?.maxPacketSize ?? packetBytesMax,
    maxInflight: options.outbound?.maxInflight,
    isDurable,
    ...(will !== undefined && { will: willOf(will) }),
    ...(userProperties !== undefined && { userProperties }),
  };
}

/** What may wait before it is sent, and what happens beyond that. */
export type QueueBounds = Required<Omit<OutboundOptions, 'maxInflight'>>;

export function outboundOptions(options: OutboundOptions = {}): QueueBounds {
  return { maxQueued: 1_000_000, maxQueuedBytes: 64 * 1024 * 1024, whenFull: 'wait', offline: 'queue', ...options };
}

function willOf(options: WillOptions): Will {
  const { topic, payload, qos = 0, retain = false, delay, expiry } = options;
  const properties = {
    ...publishProperties(typeof payload === 'string', options),
    ...(delay !== undefined && { willDelayInterval: delay }),
    ...(expiry !== undefined && { messageExpiryInterval: expiry }),
  };
  return { topic, payload: payloadBytes(payload), qos, retain, properties };
}

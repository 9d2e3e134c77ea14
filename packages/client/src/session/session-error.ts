import { reasonName } from '@wrenmq/codec';
import { MqttError } from '#base/mqtt-error.ts';
import type { MqttErrorCode } from '#base/mqtt-error.ts';

/** Return codes of MQTT 3.1.1 as reason codes: 1 protocol version, 2 client identifier, 3 unavailable, 4 user name or password, 5 not authorized. */
const reasonCodes = [0x80, 0x84, 0x85, 0x88, 0x86, 0x87];
/** Unavailable, busy, shutting down, keep alive, receive maximum, rate, quota, connection rate: it may be different later. */
const retryable = new Set([0x88, 0x89, 0x8b, 0x8d, 0x93, 0x96, 0x97, 0x9f]);

/** The MQTT 5 reason code of a CONNACK of MQTT 3.1.1. */
export function connackReasonCode(returnCode: number): number {
  return reasonCodes[returnCode];
}

/** What the broker said, as an error. */
export function reasonError(code: MqttErrorCode, reasonCode: number, reasonString: string | undefined): MqttError {
  const name = reasonName(reasonCode);
  return new MqttError(code, reasonString === undefined ? name : `${reasonString} (${name})`, {
    reasonCode,
    retryable: retryable.has(reasonCode),
  });
}

export function expiredError(): MqttError {
  return new MqttError('EXPIRED', 'the message expired before it could be sent');
}

export function tooLargeError(maxPacketSize: number): MqttError {
  return new MqttError('TOO_LARGE', `the broker takes packets of ${maxPacketSize} bytes at most`);
}

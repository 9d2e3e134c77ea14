import type { WillOptions } from '@wrenmq/client';
import { CommandError, ExitCode } from '#exit-code.ts';
import type { ConnectionFlags } from './connection-flags.ts';
import type { PacketProperties } from './properties.ts';
import { readQoS } from './read-value.ts';

/** The will that the flags describe, none without `--will-topic`. */
export function willOptions(flags: ConnectionFlags, { will }: PacketProperties): { will?: WillOptions } {
  if (flags.willTopic === undefined) {
    if (flags.willPayload !== undefined || flags.willRetain === true || flags.willQos !== undefined)
      throw new CommandError('wrenmq: a will needs --will-topic', ExitCode.Usage);
    return {};
  }
  const text = flags.willPayload ?? '';
  return {
    will: {
      topic: flags.willTopic,
      // A string would travel with the payload format indicator.
      payload: will.payloadFormatIndicator === 1 ? text : Buffer.from(text),
      qos: readQoS('--will-qos', flags.willQos) ?? 0,
      retain: flags.willRetain === true,
      ...(will.willDelayInterval === undefined ? {} : { delay: will.willDelayInterval }),
      ...(will.messageExpiryInterval === undefined ? {} : { expiry: will.messageExpiryInterval }),
      ...(will.contentType === undefined ? {} : { contentType: will.contentType }),
      ...(will.responseTopic === undefined ? {} : { responseTopic: will.responseTopic }),
      ...(will.correlationData === undefined ? {} : { correlationData: will.correlationData }),
      ...(will.userProperties.length === 0 ? {} : { userProperties: will.userProperties }),
    },
  };
}

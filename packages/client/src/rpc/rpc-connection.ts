import type { MqttClient } from '#client/mqtt-client.ts';
import type { PublishOptions, PublishResult } from '#message/message.ts';
import type { PayloadCodec } from '#topic/payload-codec.ts';

/** What of a client both ends of a call need. */
export type RpcConnection = Pick<MqttClient, 'publish' | 'clientId' | 'protocolVersion'>;

/** Publishes bytes with the content type and the format indicator of the codec that made them; undefined as an empty payload. */
export function publishEncoded(
  connection: RpcConnection,
  topic: string,
  { codec, payload }: { readonly codec: PayloadCodec; readonly payload: Uint8Array | undefined },
  options: PublishOptions,
): Promise<PublishResult> {
  return payload === undefined
    ? connection.publish(topic, '', options)
    : connection.publish({ topic, codec, encode: () => payload }, payload, options);
}

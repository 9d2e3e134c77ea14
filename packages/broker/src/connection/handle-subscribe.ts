import { encodePacket, PacketType, ProtocolError, ReasonCode, type SubackPacket, type SubscribePacket } from '@wrenmq/codec';
import type { Client } from '#port/client.ts';
import type { FilterAnswer } from '#port/subscriber.ts';
import type { Connection } from './connection.ts';
import { ConnectionState } from './connection-state.ts';

/**
 * What a bridge gets that cannot ask for it, as from mosquitto: nothing of what it sent itself, which would go round in circles, and
 * RETAIN as it was published.
 */
const BRIDGE_OPTIONS = { noLocal: true, retainAsPublished: true } as const;

/** SUBSCRIBE: asks the port, answers with SUBACK when the subscriptions are durable [MQTT-3.8.4-1], then retained messages. */
export function handleSubscribe(connection: Connection, packet: SubscribePacket): void {
  const client = connection.client!;
  const identifier = packet.properties?.subscriptionIdentifier ?? 0;
  const requests = packet.filters.map(({ filter, ...options }) => {
    const isShared = filter.startsWith('$share/');
    if (options.noLocal && isShared) {
      throw new ProtocolError(ReasonCode.ProtocolError, 'MQTT-3.8.3-4', 'a shared subscription has No Local'); // [MQTT-3.8.3-4]
    }
    return { filter, options: { ...options, ...(connection.isBridge && !isShared ? BRIDGE_OPTIONS : {}), identifier } };
  });
  if (client.session.state.hasIncoming(packet.packetId) && connection.version === 5) {
    const reasonCodes = packet.filters.map(() => ReasonCode.PacketIdentifierInUse);
    connection.sendPacket({ type: PacketType.SUBACK, packetId: packet.packetId, reasonCodes });
    return;
  }
  connection.hold();
  connection.house.port.subscriber.subscribe(client, requests).then(
    (answers) => {
      answer(connection, packet, answers);
      connection.unhold();
    },
    (error: unknown) => connection.fail(error),
  );
}

function answer(connection: Connection, packet: SubscribePacket, answers: readonly FilterAnswer[]): void {
  const { client, house } = connection;
  if (client === null || connection.state !== ConnectionState.Connected) return;
  const reasonCodes = answers.map(({ reasonCode }) => reasonCode); // [MQTT-3.8.4-6] [MQTT-3.9.3-1]
  const suback = withReasons(connection, { type: PacketType.SUBACK, packetId: packet.packetId, reasonCodes }, answers);
  connection.sendPacket(suback, client.session.isDurable); // [MQTT-3.8.4-2]
  if (connection.acknowledgements.held === 0) {
    deliverStored(connection, client, answers);
    return;
  }
  // ORDER: the SUBACK waits for the disk, and its client is not ready for messages before it; it leaves first, since it waits longer.
  void house.committer.durable().then(() => deliverStored(connection, client, answers));
}

/** Says what is wrong in words, to a client that wants and has room for them [MQTT-3.1.2-29] [MQTT-3.9.2-1]. */
function withReasons(connection: Connection, suback: SubackPacket, answers: readonly FilterAnswer[]): SubackPacket {
  const reasons = answers.flatMap(({ reason = null }) => (reason === null ? [] : [reason]));
  if (reasons.length === 0 || connection.version !== 5 || !connection.hasProblemInformation) return suback;
  const told = { ...suback, properties: { reasonString: reasons.join('; ') } };
  return encodePacket(told, connection.version).length > connection.packetBytesMax ? suback : told;
}

function deliverStored(connection: Connection, client: Client, answers: readonly FilterAnswer[]): void {
  if (connection.client === client) connection.house.port.deliverStored(client, answers);
}

import { PacketType, ProtocolError, ReasonCode, type SubscribePacket } from '@wrenmq/codec';
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
  connection.sendPacket({ type: PacketType.SUBACK, packetId: packet.packetId, reasonCodes }, client.session.isDurable); // [MQTT-3.8.4-2]
  if (connection.acknowledgements.held === 0) {
    deliverRetained(connection, client, answers);
    return;
  }
  // ORDER: the SUBACK waits for the disk, and its client is not ready for messages before it; it leaves first, since it waits longer.
  void house.committer.durable().then(() => deliverRetained(connection, client, answers));
}

function deliverRetained(connection: Connection, client: Client, answers: readonly FilterAnswer[]): void {
  if (connection.client !== client) return;
  for (const { retainedFor } of answers) if (retainedFor !== null) connection.house.port.deliverRetained(client, retainedFor);
}

import { PacketType, ReasonCode, type UnsubscribePacket } from '@wrenmq/codec';
import type { Connection } from './connection.ts';

/** UNSUBSCRIBE: UNSUBACK even when nothing was subscribed [MQTT-3.10.4-4] [MQTT-3.10.4-5], when that is durable. */
export function handleUnsubscribe(connection: Connection, { packetId, filters }: UnsubscribePacket): void {
  const client = connection.client!;
  if (connection.version === 5 && client.session.state.hasIncoming(packetId)) {
    const reasonCodes = filters.map(() => ReasonCode.PacketIdentifierInUse);
    connection.sendPacket({ type: PacketType.UNSUBACK, packetId, reasonCodes });
    return;
  }
  const codes = connection.house.port.subscriber.unsubscribe(client, filters);
  const reasonCodes = connection.version === 5 ? codes : []; // [MQTT-3.11.3-1]
  connection.sendPacket({ type: PacketType.UNSUBACK, packetId, reasonCodes }, client.session.isDurable);
}

// HOT
import { PacketType, ProtocolError, ReasonCode } from '@wrenmq/codec';
import type { Connection } from './connection.ts';

/** PUBACK: the client has the message. An identifier that is not in use is passed over [MQTT-4.3.2-4]. */
export function handlePuback(connection: Connection, packetId: number): void {
  connection.client!.session.acknowledge(packetId);
}

/** PUBREC: PUBREL follows [MQTT-4.3.3-4]; for an identifier that is not in use with 0x92, so that the client can forget it. */
export function handlePubrec(connection: Connection, packetId: number, reasonCode: number): void {
  const isRefused = reasonCode >= ReasonCode.UnspecifiedError;
  if (connection.client!.session.receive(packetId, isRefused) || isRefused) return;
  const code = connection.version === 5 ? ReasonCode.PacketIdentifierNotFound : ReasonCode.Success;
  connection.acknowledgements.acknowledge(PacketType.PUBREL, packetId, code, false);
}

/** PUBREL: the identifier is free again when that is on disk, and PUBCOMP says so [MQTT-4.3.3-11]. */
export function handlePubrel(connection: Connection, packetId: number): void {
  const { session } = connection.client!;
  const isKnown = session.state.removeIncoming(packetId);
  const code = isKnown || connection.version < 5 ? ReasonCode.Success : ReasonCode.PacketIdentifierNotFound;
  connection.acknowledgements.acknowledge(PacketType.PUBCOMP, packetId, code, isKnown && session.isDurable);
}

/** PUBCOMP: the exchange is over. */
export function handlePubcomp(connection: Connection, packetId: number): void {
  if (packetId === 0) throw new ProtocolError(ReasonCode.ProtocolError, 'MQTT-2.2.1-3', 'a PUBCOMP has packet identifier 0');
  connection.client!.session.complete(packetId);
}

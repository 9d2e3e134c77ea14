// HOT
import { decodePacket, type Packet, PacketType, ProtocolError, ReasonCode } from '@wrenmq/codec';
import type { Connection } from './connection.ts';
import { ConnectionState } from './connection-state.ts';
import { handlePuback, handlePubcomp, handlePubrec, handlePubrel } from './handle-acknowledgement.ts';
import { handleAuth } from './handle-auth.ts';
import { handleConnect } from './handle-connect.ts';
import { handleDisconnect } from './handle-disconnect.ts';
import { handlePublish } from './handle-publish.ts';
import { handleSubscribe } from './handle-subscribe.ts';
import { handleUnsubscribe } from './handle-unsubscribe.ts';

const PUBACK_FIRST_BYTE = PacketType.PUBACK << 4;

/** Is this packet legal in this state? Then to its handler. */
export function dispatch(connection: Connection, first: number, bytes: Buffer, body: number, end: number): void {
  const type = first >> 4;
  if (connection.state === ConnectionState.Connected) {
    if (type === PacketType.PUBLISH) {
      handlePublish(connection, first, bytes, body, end);
      return;
    }
    // PERF: bench row QoS 1, 50 pairs: the acknowledgement without reason code, as nearly all come.
    if (first === PUBACK_FIRST_BYTE && end - body === 2) {
      const packetId = (bytes[body] << 8) | bytes[body + 1];
      if (packetId !== 0) {
        handlePuback(connection, packetId);
        return;
      }
    }
    // Whatever it says: what is wrong is that it came.
    if (type === PacketType.CONNECT) throw new ProtocolError(ReasonCode.ProtocolError, 'MQTT-3.1.0-2', 'a second CONNECT'); // [MQTT-3.1.0-2] [MQTT311-3.1.0-2]
    handlePacket(connection, decodePacket(connection.version, first, bytes, body, end));
    return;
  }
  dispatchEarly(connection, decodeEarly(connection, first, bytes, body, end));
}

function handlePacket(connection: Connection, packet: Packet): void {
  switch (packet.type) {
    case PacketType.PUBACK:
      return handlePuback(connection, packet.packetId);
    case PacketType.PUBREC:
      return handlePubrec(connection, packet.packetId, packet.reasonCode);
    case PacketType.PUBREL:
      return handlePubrel(connection, packet.packetId);
    case PacketType.PUBCOMP:
      return handlePubcomp(connection, packet.packetId);
    case PacketType.SUBSCRIBE:
      return handleSubscribe(connection, packet);
    case PacketType.UNSUBSCRIBE:
      return handleUnsubscribe(connection, packet);
    case PacketType.PINGREQ:
      return connection.sendPacket({ type: PacketType.PINGRESP }); // [MQTT-3.12.4-1] [MQTT311-3.12.4-1]
    case PacketType.DISCONNECT:
      return handleDisconnect(connection, packet);
    case PacketType.AUTH:
      return handleAuth(connection, packet);
    case PacketType.CONNECT:
    case PacketType.CONNACK:
    case PacketType.PUBLISH:
    case PacketType.SUBACK:
    case PacketType.UNSUBACK:
    case PacketType.PINGRESP:
      throw new ProtocolError(ReasonCode.ProtocolError, '4.13.1', `packet type ${packet.type} is not for a server here`);
  }
}

/** Before CONNECT only CONNECT may come [MQTT-3.1.0-1] [MQTT311-3.1.0-1]. */
function decodeEarly(connection: Connection, first: number, bytes: Buffer, body: number, end: number): Packet {
  if (connection.state === ConnectionState.AwaitingConnect && first >> 4 !== PacketType.CONNECT) {
    throw new ProtocolError(ReasonCode.ProtocolError, 'MQTT-3.1.0-1', 'the first packet is not CONNECT');
  }
  return decodePacket(connection.version, first, bytes, body, end);
}

function dispatchEarly(connection: Connection, packet: Packet): void {
  if (packet.type === PacketType.CONNECT && connection.state === ConnectionState.AwaitingConnect) handleConnect(connection, packet);
  else if (packet.type === PacketType.AUTH) handleAuth(connection, packet);
  else if (packet.type === PacketType.DISCONNECT) connection.leave(false, packet.reasonCode);
  // While CONNECT is being decided only AUTH and DISCONNECT may come [MQTT-3.1.2-30].
  else throw new ProtocolError(ReasonCode.ProtocolError, 'MQTT-3.1.2-30', `packet type ${packet.type} came before CONNACK`);
}

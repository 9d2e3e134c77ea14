// HOT
import { decodeAcknowledgementPacket } from './acknowledgement.ts';
import { decodeAuth } from './auth.ts';
import { decodeConnack } from './connack.ts';
import { decodeConnect } from './connect.ts';
import { decodeDisconnect } from './disconnect.ts';
import { checkFixedHeader } from './fixed-header.ts';
import { PacketType } from './packet-type.ts';
import type { ProtocolVersion } from './packet-type.ts';
import type { Packet } from './packet.ts';
import { decodePing } from './ping.ts';
import { decodePublishPacket } from './publish.ts';
import { decodeSuback } from './suback.ts';
import { decodeSubscribe } from './subscribe.ts';
import { decodeUnsuback } from './unsuback.ts';
import { decodeUnsubscribe } from './unsubscribe.ts';

/**
 * Decodes and checks one whole packet, as a FrameDecoder hands it out: `first` is its first byte, `bytes[body..end)` what
 * follows the fixed header. The packet owns its bytes. A CONNECT decides its version itself. Throws a ProtocolError.
 */
export function decodePacket(version: ProtocolVersion, first: number, bytes: Uint8Array, body: number, end: number): Packet {
  const type = first >> 4;
  if (type === PacketType.PUBLISH) return decodePublishPacket(version, first, bytes, body, end);
  checkFixedHeader(version, first);
  switch (type) {
    case PacketType.CONNECT:
      return decodeConnect(bytes, body, end);
    case PacketType.CONNACK:
      return decodeConnack(version, bytes, body, end);
    case PacketType.SUBSCRIBE:
      return decodeSubscribe(version, bytes, body, end);
    case PacketType.SUBACK:
      return decodeSuback(version, bytes, body, end);
    case PacketType.UNSUBSCRIBE:
      return decodeUnsubscribe(version, bytes, body, end);
    case PacketType.UNSUBACK:
      return decodeUnsuback(version, bytes, body, end);
    case PacketType.PINGREQ:
    case PacketType.PINGRESP:
      return decodePing(first, body, end);
    case PacketType.DISCONNECT:
      return decodeDisconnect(version, bytes, body, end);
    case PacketType.AUTH:
      return decodeAuth(bytes, body, end);
    default:
      return decodeAcknowledgementPacket(version, first, bytes, body, end);
  }
}

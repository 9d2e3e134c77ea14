import { canCarryReasonCode, connackReturnCode, type Packet, PacketType, type ProtocolVersion, ReasonCode } from '@wrenmq/codec';

/** Why a connection ends. */
export interface Farewell {
  readonly version: ProtocolVersion;
  /** Whether CONNACK has let the client in. */
  readonly isConnected: boolean;
  readonly reasonCode: number;
  readonly reason: string;
  readonly serverReference: string | null;
}

/** The last packet to a client: a CONNACK before it is let in, else a DISCONNECT, which only MQTT 5 has from a server; or null. */
export function farewellPacket({ version, isConnected, reasonCode, reason, serverReference }: Farewell): Packet | null {
  const properties = {
    ...(version === 5 && reason !== '' ? { reasonString: reason } : {}),
    ...(version === 5 && serverReference !== null ? { serverReference } : {}),
  };
  if (!isConnected) return { type: PacketType.CONNACK, sessionPresent: false, reasonCode: connackCode(version, reasonCode), properties }; // [MQTT-3.2.2-6]
  if (version < 5) return null;
  return { type: PacketType.DISCONNECT, reasonCode: disconnectCode(reasonCode), properties };
}

/** CONNACK cannot say that the broker is shutting down, for one [MQTT-3.2.2-8]. */
function connackCode(version: ProtocolVersion, reasonCode: number): number {
  const code = canCarryReasonCode(PacketType.CONNACK, reasonCode) ? reasonCode : ReasonCode.ServerUnavailable;
  return version === 5 ? code : connackReturnCode(code);
}

/** DISCONNECT cannot say that a password was wrong, for one [MQTT-3.14.2-1]: such a client is not authorized any more. */
function disconnectCode(reasonCode: number): number {
  return canCarryReasonCode(PacketType.DISCONNECT, reasonCode) ? reasonCode : ReasonCode.NotAuthorized;
}

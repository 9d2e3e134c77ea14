import { type DisconnectPacket, ProtocolError, ReasonCode } from '@wrenmq/codec';
import type { Connection } from './connection.ts';

/** DISCONNECT: may change how long the session lives; with 0x00 the will is deleted [MQTT-3.14.4-3], else it is published. */
export function handleDisconnect(connection: Connection, { reasonCode, properties }: DisconnectPacket): void {
  const { state } = connection.client!.session;
  const wanted = properties?.sessionExpiryInterval;
  if (wanted !== undefined) {
    if (state.expiryInterval === 0 && wanted > 0) {
      throw new ProtocolError(ReasonCode.ProtocolError, '3.14.2.2.2', 'a session that ends with its connection cannot be prolonged');
    }
    state.setExpiryInterval(Math.min(wanted, connection.house.limits.expiryIntervalMax));
  }
  connection.leave(reasonCode !== ReasonCode.NormalDisconnection, reasonCode, properties);
}

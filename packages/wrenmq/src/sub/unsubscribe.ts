import { PacketType } from '@wrenmq/codec';
import { debugLog } from '#client/open-client.ts';
import type { Connection } from '#connection/connect-options.ts';
import { CommandError, ExitCode } from '#exit-code.ts';
import { wireBroker } from '#wire/wire-broker.ts';
import { WireSession } from '#wire/wire-session.ts';

/**
 * Takes subscriptions out of the session that is kept for this client id. On a connection of its own, packet by packet: the client knows
 * only of subscriptions that it has made itself.
 */
export async function unsubscribe(connection: Connection, filters: readonly string[]): Promise<void> {
  const broker = await wireBroker(connection);
  const isKept = connection.flags.disableCleanSession === true;
  using session = await WireSession.open(broker.target, broker.version ?? 5);
  const { sessionExpiryInterval } = connection.properties.disconnect;
  const expiry = connection.options.session?.expiry ?? 0;
  const connack = await session.connect({
    clientId: broker.clientId ?? '',
    cleanStart: !isKept,
    keepAlive: broker.keepAlive,
    ...broker.credentials,
    ...(session.version === 5 ? { properties: { sessionExpiryInterval: expiry } } : {}),
  });
  if (connack === null || connack.reasonCode !== 0)
    throw new CommandError(`wrenmq: the broker refused the connection: ${connack?.reasonCode ?? 'without a word'}`, ExitCode.Refused);
  const packetId = session.packetId();
  const { userProperties } = connection.properties.unsubscribe;
  session.send({
    type: PacketType.UNSUBSCRIBE,
    packetId,
    filters: [...filters],
    ...(userProperties.length > 0 ? { properties: { userProperties } } : {}),
  });
  await session.expect(PacketType.UNSUBACK);
  debugLog(connection)(`unsubscribed from ${filters.join(', ')}`);
  session.disconnect(sessionExpiryInterval);
}

import { type ConnackProperties, type ConnectPacket, PacketType, ReasonCode } from '@wrenmq/codec';
import type { Principal } from '#auth/client-identity.ts';
import type { ConnectDetails } from '#hooks/points.ts';
import type { Client } from '#port/client.ts';
import { type Applicant, factsOf } from './applicant.ts';
import type { Connection } from './connection.ts';
import { ConnectionState } from './connection-state.ts';
import type { ConnectionLimits } from './connection-services.ts';
import { OutgoingAliases } from './outgoing-aliases.ts';

/** Topic aliases kept towards one client, at most, however many it would take. */
const OUTGOING_ALIASES_MAX = 64;

/** A client that has proven who it is. */
interface Admission {
  readonly applicant: Applicant;
  readonly principal: Principal;
  /** The last word of an enhanced authentication, for CONNACK. */
  readonly authenticationData: Uint8Array | null;
}

/** Opens the session, and answers with CONNACK when it is durable [MQTT-3.2.0-1]. */
export async function admit(connection: Connection, packet: ConnectPacket, admission: Admission): Promise<void> {
  const { house } = connection;
  const { applicant, principal } = admission;
  const expiryInterval = expiryOf(connection, packet);
  const answer = await house.port.open({
    facts: factsOf(applicant.identity, principal, house.clock.wallMs()),
    principal,
    cleanStart: packet.cleanStart,
    expiryInterval,
    will: applicant.will,
    sink: connection,
  });
  if ('reasonCode' in answer) {
    connection.disconnect(answer.reasonCode, answer.reason);
    return;
  }
  const { client, isSessionPresent } = answer;
  if (connection.state !== ConnectionState.Connecting) {
    house.port.abandon(client);
    return;
  }
  connect(connection, packet, client);
  const properties = packet.version === 5 ? connackProperties(connection, packet, { admission, expiryInterval }) : {};
  house.port.connected(client, isSessionPresent, connectDetails(connection, packet, expiryInterval));
  connection.sendPacket({ type: PacketType.CONNACK, sessionPresent: isSessionPresent, reasonCode: ReasonCode.Success, properties });
  // A CONNACK over the client's Maximum Packet Size has ended the connection.
  if (connection.client === client) client.session.resume();
  // ORDER: what the house subscribes a client to is there before the client's next packet is looked at.
  const subscriptions = house.port.settle(client);
  if (subscriptions !== null) await subscriptions;
}

function connect(connection: Connection, packet: ConnectPacket, client: Client): void {
  const { limits } = connection.house;
  connection.keepAliveMs = (serverKeepAlive(limits, packet) ?? packet.keepAlive) * 1000 * limits.keepAliveMultiplier; // [MQTT-3.2.2-21]
  const aliasMax = Math.min(packet.properties?.topicAliasMaximum ?? 0, OUTGOING_ALIASES_MAX); // [MQTT-3.1.2-26] [MQTT-3.1.2-27]
  connection.aliases = aliasMax === 0 ? null : new OutgoingAliases(aliasMax);
  connection.admit(client);
}

function connectDetails({ house }: Connection, packet: ConnectPacket, sessionExpiryInterval: number): ConnectDetails {
  return {
    localPort: house.listener.port,
    keepAlive: serverKeepAlive(house.limits, packet) ?? packet.keepAlive,
    cleanStart: packet.cleanStart,
    sessionExpiryInterval,
    receiveMaximum: packet.properties?.receiveMaximum ?? 65_535,
    properties: packet.properties ?? {},
  };
}

/** The keep alive that the broker prescribes, or null: only MQTT 5 clients can be told of it [MQTT-3.2.2-22]. */
function serverKeepAlive({ serverKeepAlive: fixed, keepAliveMax }: ConnectionLimits, { version, keepAlive }: ConnectPacket): number | null {
  if (version < 5) return null;
  if (fixed !== null) return fixed;
  return keepAliveMax !== null && (keepAlive === 0 || keepAlive > keepAliveMax) ? keepAliveMax : null;
}

function expiryOf({ house: { limits } }: Connection, { version, cleanStart, properties }: ConnectPacket): number {
  if (version === 5) return Math.min(properties?.sessionExpiryInterval ?? 0, limits.expiryIntervalMax);
  return cleanStart ? 0 : Math.min(limits.expiryIntervalDefault, limits.expiryIntervalMax);
}

/** What MQTT 5 clients are told of the broker: only what differs from the standard's defaults. */
function connackProperties(
  { house }: Connection,
  packet: ConnectPacket,
  { admission, expiryInterval }: { admission: Admission; expiryInterval: number },
): ConnackProperties {
  const { limits, capabilities, server } = house;
  const { principal, authenticationData } = admission;
  const method = packet.properties?.authenticationMethod;
  const keepAlive = serverKeepAlive(limits, packet);
  return {
    receiveMaximum: limits.receiveMaximum,
    maximumPacketSize: limits.packetBytesMax,
    topicAliasMaximum: limits.topicAliasMaximum,
    ...(expiryInterval === (packet.properties?.sessionExpiryInterval ?? 0) ? {} : { sessionExpiryInterval: expiryInterval }),
    ...(capabilities.maximumQoS === 2 ? {} : { maximumQoS: capabilities.maximumQoS }), // [MQTT-3.2.2-9]
    ...(capabilities.retainAvailable ? {} : { retainAvailable: false }),
    ...(capabilities.wildcardSubscriptionAvailable ? {} : { wildcardSubscriptionAvailable: false }),
    ...(capabilities.subscriptionIdentifierAvailable ? {} : { subscriptionIdentifierAvailable: false }),
    ...(capabilities.sharedSubscriptionAvailable ? {} : { sharedSubscriptionAvailable: false }),
    ...(principal.clientId === packet.clientId ? {} : { assignedClientIdentifier: principal.clientId }), // [MQTT-3.2.2-16]
    ...(keepAlive === null ? {} : { serverKeepAlive: keepAlive }),
    ...(packet.properties?.requestResponseInformation === true && server.responseInformation !== null
      ? { responseInformation: server.responseInformation } // [MQTT-3.1.2-28]
      : {}),
    ...(method === undefined ? {} : { authenticationMethod: method }),
    ...(authenticationData === null ? {} : { authenticationData }),
  };
}

import { isUtf8 } from 'node:buffer';
import { type ConnectPacket, ProtocolError, ReasonCode } from '@wrenmq/codec';
import type { ClientIdentity } from '#auth/client-identity.ts';
import { createMessage } from '#message/message.ts';
import { topicNameError } from '#topic/topic-name.ts';
import { admit } from './admit.ts';
import { type Applicant, factsOf } from './applicant.ts';
import type { Authentication } from './authentication.ts';
import type { Connection } from './connection.ts';
import { ConnectionState } from './connection-state.ts';
import { proceed } from './handle-auth.ts';

/** CONNECT: is it allowed, who is it, which session: each step may end with a CONNACK that says no. */
export function handleConnect(connection: Connection, packet: ConnectPacket): void {
  connection.version = packet.version;
  connection.isBridge = packet.isBridge === true;
  connection.hasProblemInformation = packet.properties?.requestProblemInformation !== false;
  connection.receiveMaximum = packet.properties?.receiveMaximum ?? 65_535;
  connection.packetBytesMax = packet.properties?.maximumPacketSize ?? 0xffffffff;
  const { entrance, server } = connection.house;
  const refused = entrance.enter();
  if (refused !== null) {
    connection.disconnect(refused.reasonCode, refused.reason, server.serverReference);
    return;
  }
  connection.state = ConnectionState.Connecting;
  checkClientId(connection, packet);
  const will = willOf(connection, packet);
  const identity = identityOf(connection, packet);
  connection.hold();
  letIn(connection, packet, { identity, will }).then(
    () => connection.unhold(),
    (error: unknown) => connection.fail(error),
  );
}

async function letIn(connection: Connection, packet: ConnectPacket, applicant: Applicant): Promise<void> {
  const { house } = connection;
  const { identity } = applicant;
  const method = packet.properties?.authenticationMethod;
  if (method !== undefined) {
    const conversation = house.port.enhanced.start(method, identity);
    const authentication: Authentication = {
      method,
      identity,
      conversation,
      onSuccess: (principal, data) => admit(connection, packet, { applicant, principal, authenticationData: data }),
    };
    connection.authentication = authentication;
    await proceed(connection, authentication, packet.properties?.authenticationData ?? null);
    return;
  }
  const outcome = await house.port.authenticate(factsOf(identity), identity, packet.password ?? null);
  if (connection.state !== ConnectionState.Connecting) return;
  if (outcome.kind === 'deny') connection.disconnect(outcome.reasonCode, outcome.reason);
  else await admit(connection, packet, { applicant, principal: outcome.principal, authenticationData: null });
}

function checkClientId({ house }: Connection, { version, clientId, cleanStart }: ConnectPacket): void {
  // Without an identifier of its own a client cannot come back to a session [MQTT-3.1.3-8] [MQTT311-3.1.3-8].
  if (clientId === '' && (version === 3 || (version === 4 && !cleanStart))) {
    throw refusal(ReasonCode.ClientIdentifierNotValid, 'MQTT311-3.1.3-8', 'the client id is empty: send one, or ask for a clean session');
  }
  const bytes = Buffer.byteLength(clientId);
  if (bytes > house.limits.clientIdBytesMax) {
    throw refusal(
      ReasonCode.ClientIdentifierNotValid,
      'MQTT-3.1.3-8',
      `the client id has ${bytes} bytes, limits.clientIdBytesMax is ${house.limits.clientIdBytesMax}`,
    );
  }
}

function willOf({ house, version }: Connection, { will, clientId }: ConnectPacket): Applicant['will'] {
  if (will === undefined) return null;
  const { capabilities } = house;
  if (will.qos > capabilities.maximumQoS)
    throw refusal(ReasonCode.QoSNotSupported, 'MQTT-3.2.2-12', 'the will has a QoS over the Maximum QoS'); // [MQTT-3.2.2-12]
  if (will.retain && !capabilities.retainAvailable) throw refusal(ReasonCode.RetainNotSupported, 'MQTT-3.2.2-13', 'the will is retained'); // [MQTT-3.2.2-13]
  const error = topicNameError(will.topic, capabilities.topicLevelsMax, capabilities.topicBytesMax);
  if (error !== null) throw refusal(ReasonCode.TopicNameInvalid, 'MQTT-3.1.3-11', `the will topic: ${error}`);
  if (will.properties?.payloadFormatIndicator === 1 && !isUtf8(will.payload)) {
    throw refusal(ReasonCode.PayloadFormatInvalid, '3.1.3.2.3', 'the will payload is not the UTF-8 that it claims to be');
  }
  const { willDelayInterval, ...properties } = will.properties ?? {};
  const message = createMessage({
    topic: will.topic,
    payload: will.payload,
    qos: will.qos,
    retain: will.retain,
    ...(version === 5 ? { properties } : {}),
    publisher: clientId,
    receivedAtMs: house.clock.wallMs(),
  });
  return { message, delay: willDelayInterval ?? 0 };
}

function identityOf({ house, link, version }: Connection, packet: ConnectPacket): ClientIdentity {
  return {
    clientId: packet.clientId === '' ? house.assignClientId() : packet.clientId,
    username: packet.username ?? null,
    listener: link.listener,
    peerAddress: link.peer.address,
    peerPort: link.peer.port,
    isLoopbackListener: house.listener.isLoopback,
    certificateCommonName: link.tls?.certificate?.commonName ?? null,
    protocolVersion: version,
  };
}

function refusal(reasonCode: number, clause: string, detail: string): ProtocolError {
  return new ProtocolError(reasonCode, clause, detail);
}

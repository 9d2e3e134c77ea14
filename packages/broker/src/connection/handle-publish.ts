// HOT
import { isUtf8 } from 'node:buffer';
import { decodePublish, forwardableProperties, PacketType, ProtocolError, type PublishFrame, ReasonCode } from '@wrenmq/codec';
import { BodyKind, Message, NEVER, type QoS } from '#message/message.ts';
import type { KnownTopic } from '#port/topic-directory.ts';
import { Outcome } from '#port/outcome.ts';
import type { Client } from '#port/client.ts';
import type { Connection } from './connection.ts';

/** One PUBLISH, from bytes to acknowledgement. */
export function handlePublish(connection: Connection, first: number, bytes: Buffer, body: number, end: number): void {
  const frame = connection.house.frame;
  decodePublish(frame, connection.version, first, bytes, body, end);
  count(connection, frame);
  checkQuota(connection, frame);
  const topic = topicOf(connection, frame, bytes);
  checkCapabilities(connection, frame);
  if (topic.error !== null) throw new ProtocolError(ReasonCode.TopicNameInvalid, 'MQTT-3.3.2-2', topic.error); // [MQTT-3.3.2-2] [MQTT311-3.3.2-2]
  const { packetId, qos } = frame;
  const client = connection.client!;
  if (qos > 0 && client.session.state.hasIncoming(packetId)) {
    answerKnown(connection, qos, packetId);
    return;
  }
  if (frame.payloadFormatIndicator === 1 && !isUtf8(bytes.subarray(frame.payloadStart, frame.payloadEnd))) {
    refusePayload(connection, qos, packetId);
    return;
  }
  const message = toMessage(connection, frame, bytes, topic);
  const outcome = connection.house.port.publish(client, message, topic.route);
  if (typeof outcome === 'number') acknowledge(connection, qos, packetId, outcome);
  else wait(connection, qos, packetId, outcome);
}

function count({ house: { counters } }: Connection, { qos, payloadStart, payloadEnd }: PublishFrame): void {
  counters.payloadBytesReceived += payloadEnd - payloadStart;
  if (qos === 0) counters.publishReceivedQoS0 += 1;
  else if (qos === 1) counters.publishReceivedQoS1 += 1;
  else counters.publishReceivedQoS2 += 1;
}

/** The client may have as many PUBLISH open as the broker's Receive Maximum says [MQTT-3.3.4-7]. */
function checkQuota(connection: Connection, frame: PublishFrame): void {
  if (frame.qos === 0) return;
  const { state } = connection.client!.session;
  const { limits } = connection.house;
  const open = state.incomingCount + connection.acknowledgements.unacknowledgedQoS1;
  const isOver = connection.version === 5 ? open >= limits.receiveMaximum : state.incomingCount >= limits.awaitingPubrelMax;
  if (isOver && !state.hasIncoming(frame.packetId)) {
    throw new ProtocolError(ReasonCode.ReceiveMaximumExceeded, 'MQTT-3.3.4-7', `more than ${limits.receiveMaximum} PUBLISH are open`);
  }
}

/** The complete topic: from here on no alias is seen any more [MQTT-3.3.2-12]. */
function topicOf(connection: Connection, frame: PublishFrame, bytes: Buffer): KnownTopic {
  const { topicStart, topicEnd, topicAlias } = frame;
  if (topicAlias > connection.house.limits.topicAliasMaximum) {
    throw new ProtocolError(ReasonCode.TopicAliasInvalid, 'MQTT-3.3.2-9', `topic alias ${topicAlias} is over the maximum`); // [MQTT-3.3.2-9]
  }
  if (topicStart === topicEnd) {
    const known = connection.incomingAliases?.[topicAlias];
    if (known === undefined) throw new ProtocolError(ReasonCode.ProtocolError, 'MQTT-3.3.2-12', `topic alias ${topicAlias} is not known`);
    return known;
  }
  let topic = connection.lastTopic;
  if (topic === null || !topic.equals(bytes, topicStart, topicEnd)) {
    topic = connection.house.topics.lookUp(bytes, topicStart, topicEnd);
    connection.lastTopic = topic;
  }
  if (topicAlias !== 0) (connection.incomingAliases ??= [])[topicAlias] = topic;
  return topic;
}

function checkCapabilities({ house: { capabilities } }: Connection, frame: PublishFrame): void {
  if (frame.hasSubscriptionIdentifier) {
    throw new ProtocolError(ReasonCode.ProtocolError, 'MQTT-3.3.4-6', 'a client sent a subscription identifier'); // [MQTT-3.3.4-6]
  }
  if (frame.qos > capabilities.maximumQoS) {
    throw new ProtocolError(ReasonCode.QoSNotSupported, 'MQTT-3.2.2-11', `QoS ${frame.qos} is over the Maximum QoS`); // [MQTT-3.2.2-11]
  }
  if (frame.retain && !capabilities.retainAvailable) {
    throw new ProtocolError(ReasonCode.RetainNotSupported, 'MQTT-3.2.2-14', 'retained messages are not available'); // [MQTT-3.2.2-14]
  }
}

/** The identifier belongs to a QoS 2 message that was accepted: PUBREC again, and no second message [MQTT-4.3.3-10]. */
function answerKnown(connection: Connection, qos: QoS, packetId: number): void {
  if (qos === 2) connection.acknowledgements.acknowledge(PacketType.PUBREC, packetId, ReasonCode.Success, false);
  else if (connection.version === 5) {
    connection.acknowledgements.acknowledge(PacketType.PUBACK, packetId, ReasonCode.PacketIdentifierInUse, false);
  } else throw new ProtocolError(ReasonCode.ProtocolError, 'MQTT311-2.3.1-4', `packet identifier ${packetId} waits for PUBREL`);
}

function refusePayload(connection: Connection, qos: QoS, packetId: number): void {
  if (qos === 0) throw new ProtocolError(ReasonCode.PayloadFormatInvalid, '3.3.2.3.2', 'the payload is not the UTF-8 that it claims to be');
  const type = qos === 1 ? PacketType.PUBACK : PacketType.PUBREC;
  connection.acknowledgements.acknowledge(type, packetId, ReasonCode.PayloadFormatInvalid, false);
}

function toMessage(connection: Connection, frame: PublishFrame, bytes: Buffer, topic: KnownTopic): Message {
  const { house, version } = connection;
  const isV5 = version === 5;
  const hasExpiry = frame.messageExpiryInterval >= 0;
  const nowMs = hasExpiry ? house.clock.wallMs() : house.table.wallMs;
  const isWhole = frame.isForwardable && frame.topicStart !== frame.topicEnd;
  const origin = {
    qos: frame.qos,
    retain: frame.retain,
    expiresAtMs: hasExpiry ? nowMs + frame.messageExpiryInterval * 1000 : NEVER,
    receivedAtMs: nowMs,
    publisher: connection.client!.facts.clientId,
    bodyKind: isWhole ? (((isV5 ? BodyKind.V5QoS0 : BodyKind.V3QoS0) + (frame.qos > 0 ? 1 : 0)) as BodyKind) : BodyKind.None,
  };
  if (isWhole) return new Message(topic.name, bytes, frame, origin);
  return rebuild(frame, bytes, topic, origin);
}

/** A PUBLISH with a topic alias cannot be passed on as it is: its parts are put together anew [MQTT-3.3.2-11]. */
function rebuild(frame: PublishFrame, bytes: Buffer, topic: KnownTopic, origin: ConstructorParameters<typeof Message>[3]): Message {
  const { properties, messageExpiryAt } = forwardableProperties(bytes, frame);
  const topicEnd = 2 + topic.bytes.length;
  const propertiesEnd = topicEnd + properties.length;
  const payload = bytes.subarray(frame.payloadStart, frame.payloadEnd);
  const own = Buffer.concat([Buffer.alloc(2), topic.bytes, properties, payload]);
  const slices = {
    topicStart: 2,
    topicEnd,
    propertiesStart: topicEnd,
    propertiesEnd,
    payloadStart: propertiesEnd,
    payloadEnd: own.length,
    messageExpiryAt: messageExpiryAt < 0 ? -1 : topicEnd + messageExpiryAt,
  };
  const message = new Message(topic.name, own, slices, origin);
  message.isHeld = true;
  return message;
}

/** PUBACK or PUBREC, when what it says is true. `outcome`: Outcome bits, or minus a reason code. */
function acknowledge(connection: Connection, qos: QoS, packetId: number, outcome: number): void {
  if (qos === 0) return;
  const client = connection.client;
  if (client === null) return;
  const reasonCode = reasonCodeOf(connection, outcome);
  if (reasonCode === null) return;
  const isAccepted = reasonCode < ReasonCode.UnspecifiedError;
  let mustWait = outcome > 0 && (outcome & Outcome.Durable) !== 0;
  if (qos === 2 && isAccepted) mustWait = remember(client, packetId) || mustWait;
  connection.acknowledgements.acknowledge(qos === 1 ? PacketType.PUBACK : PacketType.PUBREC, packetId, reasonCode, mustWait);
}

/** Notes the identifier together with the message (D4); true when that has to be on disk first. */
function remember({ session }: Client, packetId: number): boolean {
  session.state.addIncoming(packetId);
  return session.isDurable;
}

/** Null when the connection was ended instead. */
function reasonCodeOf(connection: Connection, outcome: number): number | null {
  const isV5 = connection.version === 5;
  if (outcome >= 0 && (outcome & Outcome.Refused) === 0) {
    return isV5 && (outcome & Outcome.Matched) === 0 ? ReasonCode.NoMatchingSubscribers : ReasonCode.Success;
  }
  if (isV5) return outcome < 0 ? -outcome : ReasonCode.QuotaExceeded;
  // A 3.1.1 server accepts what the client may not publish, and does nothing with it [MQTT311-3.3.5-2].
  if (outcome < 0) return ReasonCode.Success;
  connection.disconnect(ReasonCode.QuotaExceeded, 'the message cannot be stored');
  return null;
}

function wait(connection: Connection, qos: QoS, packetId: number, outcome: Promise<number>): void {
  connection.hold();
  outcome.then(
    (decided) => {
      acknowledge(connection, qos, packetId, decided);
      connection.unhold();
    },
    (error: unknown) => connection.fail(error),
  );
}

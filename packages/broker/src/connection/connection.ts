// HOT
import {
  connectVersionOf,
  type DisconnectProperties,
  encodePacket,
  FrameDecoder,
  type FrameSink,
  type Packet,
  PacketType,
  ProtocolError,
  type ProtocolVersion,
  ReasonCode,
  reasonName,
} from '@wrenmq/codec';
import type { RefusalReason } from '#base/counters.ts';
import type { DisconnectDetails } from '#hooks/points.ts';
import type { Link, LinkHandler } from '#listeners/link.ts';
import type { Delivery } from '#message/delivery.ts';
import type { Client } from '#port/client.ts';
import type { KnownTopic } from '#port/topic-directory.ts';
import type { Session } from '#session/session.ts';
import { SendResult, type Sink } from '#session/sink.ts';
import { Acknowledgements, type RefusalHandler } from './acknowledgements.ts';
import type { Authentication } from './authentication.ts';
import type { ConnectionServices } from './connection-services.ts';
import { ConnectionState } from './connection-state.ts';
import { SWEEP_MS } from './connection-table.ts';
import { dispatch } from './dispatch.ts';
import { farewellPacket } from './farewell.ts';
import type { OutgoingAliases } from './outgoing-aliases.ts';
import { Outbox } from './outbox.ts';
import type { PublishFormat } from './publish-writer.ts';
import { refusalReasonOf } from './refusal-reason.ts';

const allocate = (bytes: number): Buffer => Buffer.allocUnsafeSlow(bytes);

/** One network connection of an MQTT client: protocol zero of the house. */
export class Connection implements LinkHandler, FrameSink<Buffer>, Sink, PublishFormat, RefusalHandler {
  readonly link: Link;
  readonly house: ConnectionServices;
  readonly outbox: Outbox;
  readonly acknowledgements: Acknowledgements;
  state: ConnectionState = ConnectionState.AwaitingConnect;
  /** Until CONNECT tells, answers take the form of MQTT 5. */
  version: ProtocolVersion = 5;
  /** The client is the bridge of another broker, and speaks 3.1 or 3.1.1. */
  isBridge = false;
  client: Client | null = null;
  /** The client's Receive Maximum [MQTT-3.3.4-9]. */
  receiveMaximum = 65_535;
  /** The client's Maximum Packet Size. */
  packetBytesMax = 0xffffffff;
  /** Topic aliases towards the client, null when it takes none. */
  aliases: OutgoingAliases | null = null;
  /** Topic aliases from the client, by number; null before the first [MQTT-3.3.2-12]. */
  incomingAliases: KnownTopic[] | null = null;
  /** The topic of the last PUBLISH. */
  lastTopic: KnownTopic | null = null;
  /** The authentication by AUTH packets that let the client in or is going on; null for clients without a method. */
  authentication: Authentication | null = null;
  /** Request Problem Information was 0: no reason strings but in CONNACK and DISCONNECT [MQTT-3.1.2-29]. */
  hasProblemInformation = true;
  /** 1.5 times the keep alive in force, milliseconds; 0 when there is none [MQTT-3.1.2-22]. */
  keepAliveMs = 0;
  readonly #decoder: FrameDecoder<Buffer>;
  /** The session that the connection has or had. */
  #session: Session | null = null;
  #heardAtMs: number;
  /** Since when the client has taken nothing of what waits for it, by the sweeps; 0 while nothing waits. */
  #blockedAtMs = 0;
  #takenBytes = 0;
  #isHeld = false;
  #isPaused = false;

  constructor(link: Link, house: ConnectionServices) {
    this.link = link;
    this.house = house;
    this.outbox = new Outbox(link, house.outbox);
    this.acknowledgements = new Acknowledgements(this.outbox, house.committer, this);
    this.#decoder = new FrameDecoder(allocate, house.limits.connectPacketBytesMax, connectVersionOf);
    this.#heardAtMs = house.table.nowMs;
    house.table.add(this);
    house.counters.connectionsOpened += 1;
  }

  get isWritable(): boolean {
    // Only a blocked outbox tells when it has drained.
    return !this.outbox.isBlocked || this.outbox.pendingBytes < this.house.limits.outboxBytesMax;
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    if (this.state === ConnectionState.Closed) return;
    // A CONNECT that trickles in must not win time: before it is decided nothing counts as a sign of life.
    if (this.state === ConnectionState.Connected) this.#heardAtMs = this.house.table.nowMs;
    this.house.table.wallMs = this.house.clock.turnWallMs();
    this.house.counters.bytesReceived += end - start;
    try {
      this.#decoder.push(bytes, start, end, this);
    } catch (error) {
      this.fail(error);
    }
    this.#pauseIfFull();
  }

  onFrame(first: number, bytes: Buffer, _start: number, body: number, end: number): boolean {
    if (this.state === ConnectionState.Closed) return false;
    this.house.counters.packetsReceived += 1;
    dispatch(this, first, bytes, body, end);
    return !this.#isHeld;
  }

  onDrain(): void {
    this.outbox.onDrain();
    this.#blockedAtMs = 0;
    this.#resumeIfEmpty();
    if (this.client !== null) this.client.session.pump();
  }

  onClose(_reason: Error | null): void {
    this.#leave(true, ReasonCode.UnspecifiedError, 'network');
    this.house.table.delete(this);
    this.house.counters.connectionsClosed += 1;
  }

  /** Stops handing out packets while something that they depend on is decided elsewhere; ends with `release`. */
  hold(): void {
    this.#isHeld = true;
    this.link.pause();
  }

  unhold(): void {
    this.#isHeld = false;
    if (this.state === ConnectionState.Closed) return;
    if (!this.#isPaused) this.link.resume();
    try {
      this.#decoder.resume(this);
    } catch (error) {
      this.fail(error);
    }
  }

  /** The client is let in: larger packets may come, and its deliveries go out. */
  admit(client: Client): void {
    this.client = client;
    this.#session = client.session;
    this.state = ConnectionState.Connected;
    this.#heardAtMs = this.house.table.nowMs;
    this.#decoder.frameBytesMax = this.house.limits.packetBytesMax;
  }

  send(delivery: Delivery): SendResult {
    const { outbox } = this;
    if (delivery.qos === 0 && !this.isWritable) return SendResult.Busy;
    if (!this.house.writer.write(outbox, this, delivery)) return SendResult.TooLarge;
    const { counters } = this.house;
    counters.packetsSent += 1;
    counters.payloadBytesSent += delivery.message.payloadBytes;
    if (delivery.qos === 0) counters.publishSentQoS0 += 1;
    else if (delivery.qos === 1) counters.publishSentQoS1 += 1;
    else counters.publishSentQoS2 += 1;
    return SendResult.Sent;
  }

  /** PUBREL to the client. */
  release(packetId: number): void {
    this.acknowledgements.acknowledge(PacketType.PUBREL, packetId, ReasonCode.Success, false);
  }

  /** Ends the connection for a reason of the broker's own; the will of the session is for the caller to decide. */
  close(reasonCode: number): void {
    this.disconnect(reasonCode, reasonName(reasonCode));
  }

  /** Sends a packet at its place behind whatever waits for the disk. */
  sendPacket(packet: Packet, mustWait = false): void {
    const bytes = encodePacket(packet, this.version);
    if (bytes.length > this.packetBytesMax) {
      // There is no smaller way to say it [MQTT-3.1.2-24] [MQTT-3.15.2-2].
      this.disconnect(ReasonCode.PacketTooLarge, `an answer of ${bytes.length} bytes is over the Maximum Packet Size of the client`);
      return;
    }
    this.house.counters.packetsSent += 1;
    this.acknowledgements.send(bytes, mustWait);
  }

  /** Turns what was thrown into the right answer: the one place where errors become bytes. */
  fail(error: unknown): void {
    if (error instanceof ProtocolError) {
      if (this.state === ConnectionState.AwaitingConnect) this.version = error.connectVersion ?? this.version;
      if (this.state === ConnectionState.AwaitingConnect && !isAnswered(error)) this.#end(error.reasonCode, error.message);
      else this.disconnect(error.reasonCode, error.message);
      return;
    }
    this.house.log.error(
      { err: error, clientId: this.client?.facts.clientId, peer: this.link.peer.address },
      'a packet could not be handled',
    );
    this.disconnect(ReasonCode.ImplementationSpecificError, 'internal error');
  }

  /** Tells the client why, then closes [MQTT-4.13.1-1]. Before CONNACK that is a CONNACK, after it a DISCONNECT. */
  disconnect(reasonCode: number, reason: string, serverReference: string | null = null): void {
    if (this.state === ConnectionState.Closed) return;
    const isConnected = this.state === ConnectionState.Connected;
    const last = farewellPacket({ version: this.version, isConnected, reasonCode, reason, serverReference });
    if (last !== null) this.#pushLast(last);
    this.#end(reasonCode, reason);
  }

  /** The broker stops: as `disconnect`, but who has not said CONNECT yet is told nothing. */
  dismiss(reasonCode: number, serverReference: string | null): void {
    const reason = 'the broker is shutting down';
    if (this.state === ConnectionState.AwaitingConnect) this.#end(reasonCode, reason);
    else this.disconnect(reasonCode, reason, serverReference);
  }

  /** The client said DISCONNECT: the closed connection is the answer, and leaves when what it stands for is on disk (D2). */
  leave(keepsWill: boolean, reasonCode: number, properties: DisconnectProperties = {}): void {
    const isDurable = this.client?.session.isDurable === true;
    this.#leave(keepsWill, reasonCode, 'client', properties);
    if (isDurable) void this.house.committer.durable().then(() => this.#finish());
    else this.#finish();
  }

  onRefusedAcknowledgement(type: number, packetId: number): boolean {
    // Also when the connection is gone: the client will send the PUBLISH again, and it must count as new.
    if (type === PacketType.PUBREC) this.#session?.state.removeIncoming(packetId);
    if (this.version === 5 && (type === PacketType.PUBACK || type === PacketType.PUBREC)) return true;
    // MQTT 3 has no way to refuse a PUBLISH: the client learns by the lost connection, and publishes again (D5).
    this.disconnect(ReasonCode.QuotaExceeded, 'the disk is full');
    return false;
  }

  /** A client that was faster than the disk is read from again. */
  onReleased(): void {
    this.#resumeIfEmpty();
  }

  /** Applies every time limit; called every SWEEP_MS. */
  sweep(nowMs: number): void {
    const { limits } = this.house;
    // The time of the last packet is known to within one sweep: none may be called late that was not.
    const silentMs = nowMs - this.#heardAtMs - SWEEP_MS;
    if (this.state === ConnectionState.AwaitingConnect || this.state === ConnectionState.Connecting) {
      if (silentMs >= limits.connectTimeoutMs) this.#end(ReasonCode.ProtocolError, 'no CONNECT came in time', 'connect-timeout');
    } else if (this.keepAliveMs !== 0 && silentMs >= this.keepAliveMs && !this.#isHeld) {
      this.disconnect(ReasonCode.KeepAliveTimeout, 'nothing came within one and a half times the keep alive');
    }
    this.#sweepBlocked(nowMs, limits.sendTimeoutMs);
    this.#resumeIfEmpty();
  }

  #sweepBlocked(nowMs: number, sendTimeoutMs: number): void {
    if (!this.outbox.isBlocked || this.state === ConnectionState.Closed) return;
    const { takenBytes } = this.outbox;
    if (this.#blockedAtMs === 0 || takenBytes !== this.#takenBytes) {
      this.#blockedAtMs = nowMs;
      this.#takenBytes = takenBytes;
    } else if (nowMs - this.#blockedAtMs >= sendTimeoutMs) {
      this.#end(ReasonCode.ServerBusy, 'the client does not read what it is sent', 'send-timeout');
      this.link.destroy();
    }
  }

  /** A client that does not read, or whose acknowledgements wait for the disk, is not read from either. */
  #pauseIfFull(): void {
    if (this.#isPaused || this.state === ConnectionState.Closed) return;
    if (this.isWritable && this.acknowledgements.held <= this.house.limits.receiveMaximum) return;
    this.#isPaused = true;
    this.link.pause();
  }

  #resumeIfEmpty(): void {
    if (!this.#isPaused || !this.isWritable || this.acknowledgements.held > this.house.limits.receiveMaximum / 2) return;
    this.#isPaused = false;
    if (!this.#isHeld && this.state !== ConnectionState.Closed) this.link.resume();
  }

  #pushLast(packet: Packet): void {
    const bytes = encodePacket(packet, this.version);
    this.house.counters.packetsSent += 1;
    if (bytes.length <= this.packetBytesMax) this.outbox.push(bytes);
    else if ('properties' in packet) this.outbox.push(encodePacket({ ...packet, properties: {} }, this.version)); // [MQTT-3.14.2-3]
  }

  #end(reasonCode: number, reason: string, refusal: RefusalReason = refusalReasonOf(reasonCode)): void {
    const { counters, log } = this.house;
    counters.refused[refusal] += 1;
    const { peer, listener } = this.link;
    const clientId = this.client?.facts.clientId;
    // One text for all: a flood of them is cut short by the logger.
    log.info({ reason, clientId, peer: `${peer.address}:${peer.port}`, listener, reasonCode, refusal }, 'client refused');
    this.#leave(true, reasonCode, 'broker');
    this.#finish();
  }

  #leave(keepsWill: boolean, reasonCode: number, by: DisconnectDetails['by'], properties: DisconnectProperties = {}): void {
    const { client, state } = this;
    const wasConnected = state === ConnectionState.Connected;
    this.state = ConnectionState.Closed;
    this.client = null;
    if (wasConnected || state === ConnectionState.Connecting) this.house.entrance.leave();
    if (client === null || !wasConnected) return;
    this.house.port.close(client, keepsWill, reasonCode, { by, properties, localPort: this.house.listener.port });
  }

  #finish(): void {
    this.outbox.finish();
    this.link.end();
  }
}

/** What MQTT 3 has no return code for, and wants no CONNACK for where it breaks the format [MQTT311-3.1.4-1]. */
const unanswered: ReadonlySet<number> = new Set([ReasonCode.MalformedPacket, ReasonCode.ProtocolError, ReasonCode.PacketTooLarge]);

/** Whether a CONNECT that is broken or too large gets a CONNACK. */
function isAnswered({ connectVersion, reasonCode }: ProtocolError): boolean {
  return connectVersion === 5 || (connectVersion !== undefined && !unanswered.has(reasonCode));
}

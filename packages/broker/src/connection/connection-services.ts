import type { PublishFrame } from '@wrenmq/codec';
import type { Clock } from '#base/clock.ts';
import type { Counters } from '#base/counters.ts';
import type { Logger } from '#base/logger.ts';
import type { Hooks } from '#hooks/hooks.ts';
import type { Capabilities } from '#port/capabilities.ts';
import type { ClientPort } from '#port/client-port.ts';
import type { TopicDirectory } from '#port/topic-directory.ts';
import type { Committer } from '#store/committer.ts';
import type { ConnectionTable } from './connection-table.ts';
import type { OutboxServices } from './outbox.ts';
import type { PublishWriter } from './publish-writer.ts';

/** The bounds of a connection, from the configuration. */
export interface ConnectionLimits {
  /** Largest packet that a client may send: announced as Maximum Packet Size. */
  readonly packetBytesMax: number;
  /** Largest CONNECT. */
  readonly connectPacketBytesMax: number;
  readonly clientIdBytesMax: number;
  /** Unsent bytes from which QoS 0 is dropped and reading pauses. */
  readonly outboxBytesMax: number;
  /** PUBLISH at QoS 1 and 2 that a client may have open: announced as Receive Maximum. */
  readonly receiveMaximum: number;
  /** QoS 2 exchanges that wait for PUBREL. */
  readonly awaitingPubrelMax: number;
  readonly topicAliasMaximum: number;
  readonly keepAliveMultiplier: number;
  /** Keep alive that every client must use, seconds; null leaves it to the client. */
  readonly serverKeepAlive: number | null;
  /** The longest keep alive that an MQTT 5 client is left, seconds; null for any, 0 (none) included. */
  readonly keepAliveMax: number | null;
  /** Session Expiry Interval of MQTT 3 clients with clean session 0, seconds. */
  readonly expiryIntervalDefault: number;
  readonly expiryIntervalMax: number;
  readonly connectTimeoutMs: number;
  readonly sendTimeoutMs: number;
}

/** What a CONNACK says besides, by configuration. */
export interface ServerFacts {
  readonly responseInformation: string | null;
  readonly serverReference: string | null;
}

/** How clients of a listener are told apart. */
export interface ListenerFacts {
  readonly isLoopback: boolean;
  /** As bound; 0 for a Unix socket, and until it is open. */
  readonly port: number;
}

/** Why a client must stay out. */
export interface EntranceRefusal {
  /** 0x88, 0x89, 0x9C ... */
  readonly reasonCode: number;
  readonly reason: string;
}

/** The way in through one listener, which knows how many clients are in. */
export interface Entrance {
  /** A client has said CONNECT: counts it in, or says why it must stay out. */
  enter(): EntranceRefusal | null;
  /** A client that was counted in is gone. */
  leave(): void;
}

/** What the connections of one listener share. */
export interface ConnectionServices {
  readonly port: ClientPort;
  readonly topics: TopicDirectory;
  readonly committer: Committer;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly log: Logger;
  readonly hooks: Hooks;
  readonly outbox: OutboxServices;
  readonly writer: PublishWriter;
  /** Where PUBLISH packets are decoded, one after the other. */
  readonly frame: PublishFrame;
  readonly table: ConnectionTable;
  readonly capabilities: Capabilities;
  readonly limits: ConnectionLimits;
  readonly server: ServerFacts;
  readonly listener: ListenerFacts;
  readonly entrance: Entrance;
  /** A client identifier that nobody has. */
  readonly assignClientId: () => string;
}

import { z } from 'zod';
import { bytes, count, duration, durationInSeconds, key, qos, section } from './schema-key.ts';

export const limits = section(
  'What a client may cost. A limit that is reached is answered with the reason code of the standard and counted.',
  {
    packetBytesMax: key(
      'new connections',
      'Largest packet of a client, 1KiB to 256MiB; announced as Maximum Packet Size.',
      bytes({ min: '1KiB', max: '256MiB' }).prefault('1MiB'),
    ),
    connectPacketBytesMax: key(
      'new connections',
      'Largest CONNECT, before the client is known, 1KiB to 256MiB.',
      bytes({ min: '1KiB', max: '256MiB' }).prefault('512KiB'),
    ),
    connectTimeout: key(
      'new connections',
      'How long a new connection may take to send its CONNECT, TLS included, 100ms to 10m.',
      duration({ min: '100ms', max: '10m' }).prefault('10s'),
    ),
    sendTimeout: key(
      'new connections',
      'How long a connection may take none of the bytes that wait for it before it is closed, 1s to 1h.',
      duration({ min: '1s', max: '1h' }).prefault('30s'),
    ),
    outboxBytesMax: key(
      'new connections',
      'Bytes that a connection may have unsent, 16KiB to 1GiB; above it QoS 0 messages for it are dropped and others wait in its session.',
      bytes({ min: '16KiB', max: '1GiB' }).prefault('4MiB'),
    ),
    connectionsMax: key(
      'live',
      'Clients of all listeners at the same time, 1 to 10000000; more get 0x89 Server busy.',
      count(1, 10_000_000).prefault(1_000_000),
    ),
    topicBytesMax: key('restart', 'Longest topic name or filter in bytes, 1 to 65535.', count(1, 65_535).prefault(65_535)),
    topicLevelsMax: key('restart', 'Most levels of a topic name or filter, 1 to 65535.', count(1, 65_535).prefault(128)),
    clientIdBytesMax: key('new connections', 'Longest client identifier in bytes, 23 to 65535.', count(23, 65_535).prefault(65_535)),
    subscriptionsPerClientMax: key(
      'restart',
      'Subscriptions of one session, 1 to 10000000, or unlimited; more get 0x97 Quota exceeded.',
      count(1, 10_000_000, 'unlimited').prefault(100_000),
    ),
    retainedMessagesMax: key(
      'live',
      'Retained messages, 0 to 1000000000, or unlimited; further topics get 0x97 Quota exceeded.',
      count(0, 1_000_000_000, 'unlimited').prefault(10_000_000),
    ),
    retainedBytesMax: key(
      'live',
      'Bytes of all retained messages, up to 16TiB, or unlimited; further ones get 0x97 Quota exceeded.',
      bytes({ min: '0', max: '16TiB' }, 'unlimited').prefault('4GiB'),
    ),
  },
);

export const overload = section(
  'When the broker has more to do than it can, it refuses new connections with 0x89 Server busy and keeps the ones it has.',
  {
    eventLoopDelayMax: key(
      'live',
      'Delay of the event loop above which new connections are refused, 10ms to 1h.',
      duration({ min: '10ms', max: '1h' }).prefault('5s'),
    ),
    memoryBytesMax: key(
      'live',
      'Memory of the process above which new connections are refused, 64MiB to 16TiB, or unlimited.',
      bytes({ min: '64MiB', max: '16TiB' }, 'unlimited').prefault('unlimited'),
    ),
  },
);

export const session = section('What outlives a connection: expiry, windows and the queue of messages for a client that is away or slow.', {
  expiryDefault: key(
    'new connections',
    'How long the session of an MQTT 3 client with clean session 0 lives without a connection, 0s to 49710d, or never (it does not expire). Capped by expiryMax.',
    durationInSeconds({ min: '0s', max: '49710d' }, 'never').prefault('never'),
  ),
  expiryMax: key(
    'new connections',
    'Longest session expiry that a client may ask for, 0s to 49710d, or never; a longer one is shortened, and CONNACK says so.',
    durationInSeconds({ min: '0s', max: '49710d' }, 'never').prefault('never'),
  ),
  inflightMax: key(
    'live',
    'Messages of QoS 1 and 2 on their way to a client before it acknowledges, 1 to 65535; its own Receive Maximum may be less.',
    count(1, 65_535).prefault(128),
  ),
  receiveMaximum: key(
    'new connections',
    'Messages of QoS 1 and 2 that a client may have sent and the broker has not acknowledged, 1 to 65535; announced as Receive Maximum.',
    count(1, 65_535).prefault(1024),
  ),
  awaitingPubrelMax: key(
    'new connections',
    'QoS 2 messages of a client whose PUBREL is missing, 1 to 65535; more get 0x93 Receive Maximum exceeded.',
    count(1, 65_535).prefault(1024),
  ),
  queueMessagesMax: key(
    'live',
    'Messages in the queue of one session, 1 to 1000000000, or unlimited.',
    count(1, 1_000_000_000, 'unlimited').prefault('unlimited'),
  ),
  queueBytesMax: key(
    'live',
    'Bytes in the queue of one durable session, on disk, 1KiB to 16TiB, or unlimited.',
    bytes({ min: '1KiB', max: '16TiB' }, 'unlimited').prefault('256MiB'),
  ),
  memoryQueueBytesMax: key(
    'live',
    'Bytes in the queue of one session that ends with its connection, in memory, 1KiB to 16GiB.',
    bytes({ min: '1KiB', max: '16GiB' }).prefault('8MiB'),
  ),
  overflow: key(
    'live',
    'What gives way when a queue is full: drop-oldest, drop-new, or reject (durable sessions: the publisher gets 0x97 Quota exceeded). Every drop is counted.',
    z.enum(['drop-oldest', 'drop-new', 'reject']).prefault('drop-oldest'),
  ),
  storeQoS0: key('live', 'Whether QoS 0 messages are queued for clients that are away.', z.boolean().prefault(false)),
  serverKeepAlive: key(
    'new connections',
    'Keep alive that MQTT 5 clients must use, 1s to 65535s; null: the one they ask for.',
    durationInSeconds({ min: '1s', max: '65535s' }).nullable().prefault(null),
  ),
  keepAliveMax: key(
    'new connections',
    'Longest keep alive of MQTT 5 clients, 1s to 65535s; one that asks for more, or for none, is told this one. null: no limit.',
    durationInSeconds({ min: '1s', max: '65535s' }).nullable().prefault(null),
  ),
  keepAliveMultiplier: key(
    'new connections',
    'A client is gone after its keep alive times this, 1 to 10.',
    z.number().min(1).max(10).prefault(1.5),
  ),
});

export const mqtt = section('What the broker offers; announced to MQTT 5 clients in CONNACK and enforced for all.', {
  maximumQoS: key('restart', 'Highest quality of service of a PUBLISH, 0 to 2; subscriptions are granted at most this.', qos.prefault(2)),
  retainAvailable: key('restart', 'Whether messages may be retained.', z.boolean().prefault(true)),
  wildcardSubscriptionAvailable: key('restart', 'Whether filters may contain + and #.', z.boolean().prefault(true)),
  subscriptionIdentifierAvailable: key('restart', 'Whether subscriptions may carry an identifier.', z.boolean().prefault(true)),
  sharedSubscriptionAvailable: key('restart', 'Whether $share/group/filter is offered.', z.boolean().prefault(true)),
  topicAliasMaximum: key(
    'new connections',
    'Topic aliases that a client may use towards the broker, 0 to 65535; each costs memory per connection.',
    count(0, 65_535).prefault(64),
  ),
  responseInformation: key(
    'new connections',
    'Response Information for clients that ask for it, the start of their response topics; null: none.',
    z.string().min(1).max(1024).nullable().prefault(null),
  ),
  serverReference: key(
    'new connections',
    'Server Reference in CONNACK: another server that clients may use; null: none.',
    z.string().min(1).max(1024).nullable().prefault(null),
  ),
});

import { z } from 'zod';
import { bind, count, duration, durationInSeconds, ipBind, key, ratePerSecond, section } from './schema-key.ts';

const proxyProtocol = section('The PROXY protocol (v1 and v2), by which a load balancer tells the address of the client.', {
  enabled: key('restart', 'Expect a PROXY header at the start of every connection of a trusted peer.', z.boolean().prefault(false)),
  trusted: key(
    'restart',
    'Addresses or CIDR blocks whose PROXY header is believed, such as 10.0.0.0/8; connections from elsewhere are refused. Required when enabled.',
    z
      .array(
        z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], { error: 'is neither an IP address nor a CIDR block such as 10.0.0.0/8' }),
      )
      .prefault([]),
  ),
  timeout: key('restart', 'How long the header may take, 100ms to 1m.', duration({ min: '100ms', max: '1m' }).prefault('3s')),
});

const path = () => z.string().min(1, 'must not be empty');
const optionalPath = () => path().nullable().prefault(null);

const certificatePair = z.strictObject({
  cert: key({ effect: 'restart', isPath: true }, 'Certificate chain, PEM file.', path()),
  key: key({ effect: 'restart', isPath: true }, 'Private key, PEM file.', path()),
});

const tls = section(
  'TLS, for the kinds tls and wss. Without cert and key a local CA and a server certificate are made in the data directory.',
  {
    cert: key({ effect: 'restart', isPath: true }, 'Certificate chain, PEM file; read again when it changes. Needs key.', optionalPath()),
    key: key({ effect: 'restart', isPath: true }, 'Private key of cert, PEM file; read again when it changes.', optionalPath()),
    keyPassphrase: key(
      { effect: 'restart', isSecret: true },
      'Passphrase of an encrypted private key; better given by WRENMQ_LISTENERS__TLS__TLS__KEY_PASSPHRASE_FILE. null: the key is not encrypted.',
      z.string().min(1).nullable().prefault(null),
    ),
    ciphers: key(
      'restart',
      'OpenSSL cipher list for TLS 1.2 and 1.3; null: the defaults of Node.',
      z.string().min(1).nullable().prefault(null),
    ),
    ca: key(
      { effect: 'restart', isPath: true },
      'Certificates of the authorities that sign client certificates, PEM file; read again when it changes.',
      optionalPath(),
    ),
    crl: key({ effect: 'restart', isPath: true }, 'Revoked client certificates, PEM file; read again when it changes.', optionalPath()),
    clientCertificate: key(
      'restart',
      'Whether clients show a certificate: none (not asked), optional (verified when shown), required. The last two need ca.',
      z.enum(['none', 'optional', 'required']).prefault('none'),
    ),
    certificateAs: key(
      'restart',
      'What the common name of a verified client certificate is used as; it then replaces what CONNECT says.',
      z.enum(['off', 'username', 'clientId']).prefault('off'),
    ),
    alpn: key(
      'restart',
      'For the kind tls: protocol names (ALPN) of which one is agreed on when the client offers any, the first that it knows; one that offers only others is refused. Empty: what it offers is ignored.',
      z.array(z.string().min(1).max(255)).prefault(['mqtt', 'x-amzn-mqtt-ca']),
    ),
    minVersion: key('restart', 'The oldest TLS version that is accepted.', z.enum(['TLSv1.2', 'TLSv1.3']).prefault('TLSv1.2')),
    sni: key(
      'restart',
      'Further certificates by the server name that the client asks for: a map of names (example.org, *.example.org) to cert and key.',
      z
        .record(
          z.string().regex(/^(\*\.)?[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*$/, 'is not a host name such as example.org or *.example.org'),
          certificatePair,
        )
        .prefault({}),
    ),
  },
);

const websocket = section('WebSocket, for the kinds ws and wss.', {
  path: key(
    'restart',
    'The path of the URL at which MQTT is spoken.',
    z
      .string()
      .regex(/^\/[^?#\s]*$/, 'must begin with / and contain neither ? nor #')
      .prefault('/mqtt'),
  ),
  origins: key(
    'restart',
    'Origins of the web pages that may connect, such as https://app.example.org, or * for every page; empty: pages of this host only (on loopback: of localhost). Clients that are no browsers are not affected.',
    z.array(z.string().regex(/^(\*|https?:\/\/[^/\s]+)$/, 'is not an origin such as https://app.example.org')).prefault([]),
  ),
});

export const listenerSchema = z.strictObject({
  enabled: key('restart', 'Whether the listener opens.', z.boolean().prefault(true)),
  kind: key(
    'restart',
    'tcp, tls (MQTT over TLS), ws (WebSocket) or wss (WebSocket over TLS). A listener of your own must name it.',
    z.enum(['tcp', 'tls', 'ws', 'wss']),
  ),
  bind: key(
    'restart',
    'Where it listens: 1883 (that port on 127.0.0.1), 127.0.0.1:0 (any free port), [::1]:1883, 0.0.0.0:1883, *:1883 (every address) or unix:/path. ' +
      'Beyond loopback it needs authentication.',
    bind(),
  ),
  anonymous: key(
    'live',
    'Clients without credentials on this listener: inherit (as authentication.anonymous says), allow, deny.',
    z.enum(['inherit', 'allow', 'deny']).prefault('inherit'),
  ),
  connectionsMax: key(
    'live',
    'Clients at the same time, 1 to 10000000, or unlimited; more get 0x89 Server busy, and 1000 connections above it they are closed at once.',
    count(1, 10_000_000, 'unlimited').prefault('unlimited'),
  ),
  acceptRate: key(
    'live',
    'New connections per time, such as 1000/s, or unlimited; more are closed at once.',
    ratePerSecond().prefault('unlimited'),
  ),
  acceptBurst: key('live', 'New connections that may come at once above acceptRate, 1 to 1000000.', count(1, 1_000_000).prefault(1000)),
  backlog: key(
    'restart',
    'Connections that the operating system holds until they are accepted, 1 to 65535.',
    count(1, 65_535).prefault(4096),
  ),
  tcpKeepAlive: key(
    'new connections',
    'Silence on a TCP connection after which the operating system asks whether its peer is still there, 1s to 1d, for clients without a keep alive of MQTT; null: never.',
    durationInSeconds({ min: '1s', max: '1d' }).nullable().prefault(null),
  ),
  tcpNoDelay: key(
    'new connections',
    'Whether small packets leave at once (TCP_NODELAY); false: they may wait for others, which spares bandwidth.',
    z.boolean().prefault(true),
  ),
  proxyProtocol,
  tls,
  websocket,
});

/** The doors of the house, by name. All defaults are on loopback; 1884 is TLS because a published document tells clients so. */
export const listeners = key(
  'restart',
  'The doors for clients, by name. The five defaults stay unless enabled: false; others are added under names of their own.',
  z
    .record(
      z.string().regex(/^[a-zA-Z][a-zA-Z0-9-]{0,63}$/, 'is not a name: a letter, then at most 63 letters, digits and hyphens'),
      listenerSchema,
    )
    .prefault({
      tcp: { kind: 'tcp', bind: '127.0.0.1:1883' },
      ws: { kind: 'ws', bind: '127.0.0.1:8083' },
      tls: { kind: 'tls', bind: '127.0.0.1:8883' },
      tls1884: { kind: 'tls', bind: '127.0.0.1:1884' },
      wss: { kind: 'wss', bind: '127.0.0.1:8084' },
    }),
);

export const admin = section('The HTTP server for health, metrics and administration.', {
  enabled: key('restart', 'Whether it opens.', z.boolean().prefault(true)),
  bind: key('restart', 'Where it listens, written as for a listener; no Unix socket.', ipBind().prefault('127.0.0.1:18083')),
  metrics: key(
    'restart',
    'Who may read /metrics without a credential: loopback (whoever reaches it, when bind is on loopback), always, never.',
    z.enum(['loopback', 'always', 'never']).prefault('loopback'),
  ),
  hosts: key(
    'restart',
    'Further host names by which it may be called, for a reverse proxy in front of it. On loopback every other name is refused (DNS rebinding).',
    z.array(z.string().regex(/^[a-zA-Z0-9.-]+$/, 'is not a host name; leave the port away')).prefault([]),
  ),
});

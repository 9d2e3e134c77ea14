import { z } from 'zod';
import { authentication, authorization } from './schema-access.ts';
import { history } from './schema-history.ts';
import { bytes, count, duration, key, type Named, section } from './schema-key.ts';
import { limits, mqtt, overload, session } from './schema-limits.ts';
import { admin, listeners } from './schema-listeners.ts';
import { retained } from './schema-retained.ts';
import { sharedSubscriptions } from './schema-shared.ts';
import { autoSubscribe, exclusiveSubscriptions, rewrite } from './schema-topics.ts';
import { slowSubscriptions, sys, topicMetrics } from './schema-watch.ts';

/** Everything that can be configured: the one source of types, validation, defaults, environment names, JSON Schema and docs. */
export const configSchema = z.strictObject({
  dataDirectory: key(
    { effect: 'restart', isPath: true },
    'Where the broker keeps its data, its certificates and its password file; one broker at a time. null: $XDG_DATA_HOME/wrenmq, else ~/.wrenmq.',
    z.string().min(1).nullable().prefault(null),
  ),
  durability: key(
    'restart',
    'disk: what is acknowledged is on disk. memory: everything is lost when the process ends, for tests and laptops.',
    z.enum(['disk', 'memory']).prefault('disk'),
  ),
  insecureAllowAnonymous: key(
    'live',
    'Lets clients without credentials in on listeners beyond loopback, wherever authentication.anonymous or the listener does not deny them: anyone who reaches the machine.',
    z.boolean().prefault(false),
  ),
  listeners,
  admin,
  authentication,
  authorization,
  limits,
  session,
  mqtt,
  retained,
  history,
  sharedSubscriptions,
  exclusiveSubscriptions,
  autoSubscribe,
  rewrite,
  delayed: section('Delayed publish, $delayed/seconds/topic.', {
    enabled: key(
      'live',
      'Whether messages are taken for later; false: they are refused with 0x90, and what waits already is published when it is due.',
      z.boolean().prefault(true),
    ),
    messagesMax: key(
      'live',
      'How many may wait, 1 to 1000000000, or unlimited (some 150 bytes of memory each); above it publishers get 0x97 Quota exceeded.',
      count(1, 1_000_000_000, 'unlimited').prefault(1_000_000),
    ),
  }),
  overload,
  store: section('The store on disk.', {
    bytesMax: key(
      'restart',
      'Size of the store, 16MiB to 16TiB, or unlimited (the disk); above it publishers get 0x97 Quota exceeded until there is room.',
      bytes({ min: '16MiB', max: '16TiB' }, 'unlimited').prefault('unlimited'),
    ),
  }),
  explain: section('Why a client did or did not get a message: what was decided is remembered, in memory.', {
    enabled: key('restart', 'Whether it is remembered; false: nothing can be explained.', z.boolean().prefault(true)),
    ringBytes: key(
      'restart',
      'Memory for it, 64KiB to 256MiB, or 0 as with enabled: false; what is older than what fits in is forgotten.',
      bytes({ min: '0', max: '256MiB' }).prefault('8MiB'),
    ),
  }),
  drain: section('What clients are told when the broker closes their connections in order to be emptied or shut down.', {
    reasonCode: key(
      'live',
      'serverShuttingDown (0x8B), useAnotherServer (0x9C, for now) or serverMoved (0x9D, for good).',
      z.enum(['serverShuttingDown', 'useAnotherServer', 'serverMoved']).prefault('serverShuttingDown'),
    ),
    serverReference: key(
      'live',
      'The server to use instead, for useAnotherServer and serverMoved, such as mqtt2.example.org:8883; null: none named.',
      z.string().min(1).max(1024).nullable().prefault(null),
    ),
  }),
  log: section('The log, on standard error.', {
    level: key(
      'live',
      'The least important level that is written.',
      z.enum(['debug', 'info', 'warn', 'error', 'fatal', 'silent']).prefault('info'),
    ),
    format: key(
      'restart',
      'json (one object per line), pretty (for people), auto (pretty on a terminal, else json).',
      z.enum(['auto', 'json', 'pretty']).prefault('auto'),
    ),
  }),
  sys,
  topicMetrics,
  slowSubscriptions,
  shutdown: section('The orderly end.', {
    graceTime: key(
      'live',
      'How long clients have to take what was sent and the store to flush after SIGTERM, 0s to 10m.',
      duration({ min: '0s', max: '10m' }).prefault('10s'),
    ),
  }),
});

/** The values under the names of the configuration file, parsed. */
export type ParsedConfig = z.output<typeof configSchema>;

/** What load-config settles beyond the file: paths that are null there, and who may come without credentials. */
interface Settled {
  readonly dataDirectory: string;
  readonly authentication: {
    /** Absolute; it may be missing when the configuration did not name it. */
    readonly passwordFile: string;
    readonly isPasswordFileRequired: boolean;
  };
  readonly listeners: Readonly<Record<string, { readonly isAnonymousAllowed: boolean }>>;
}

/** The configuration as the house uses it: numbers with their unit as last word (`connectTimeoutMs`), frozen through and through. */
export type Config = Omit<Named<ParsedConfig>, 'dataDirectory'> & Settled;

export type ListenerConfig = Config['listeners'][string];

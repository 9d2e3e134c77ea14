/**
 * THE tables: which room may import which, for each package that has rooms. Imports point only down them: a room names rooms that stand
 * above it here. `tidy.test.ts` checks it. Tests, the files beside the rooms (index.ts, broker.ts), the rooms that compose the others,
 * and `node:` modules are free.
 */
export interface Room {
  /** Rooms, or single files of one: `hooks/feature.ts`. */
  readonly rooms: readonly string[];
  /** Packages by name. */
  readonly packages: readonly string[];
}

export interface House {
  readonly rooms: Readonly<Record<string, Room>>;
  /** Rooms that compose the others. */
  readonly composing: readonly string[];
  /** Rooms in which every folder is a room of its own, closed to its neighbours. */
  readonly ofRooms: readonly string[];
}

const BROKER_ROOMS: Readonly<Record<string, Room>> = {
  base: { rooms: [], packages: [] },
  message: { rooms: ['base'], packages: ['@wrenmq/codec'] },
  topic: { rooms: ['base'], packages: ['re2js'] },
  hooks: { rooms: ['base', 'message'], packages: ['@wrenmq/codec'] },
  config: { rooms: ['base', 'topic'], packages: ['yaml', 'zod'] },
  listeners: { rooms: ['base'], packages: ['ws'] },
  store: { rooms: ['base', 'message'], packages: [] },
  cluster: { rooms: ['base', 'message', 'topic'], packages: [] },
  auth: { rooms: ['base', 'message', 'topic', 'hooks'], packages: ['@wrenmq/codec'] },
  retained: { rooms: ['base', 'message', 'topic', 'store'], packages: ['@wrenmq/codec'] },
  history: { rooms: ['base', 'message', 'topic', 'store'], packages: ['@wrenmq/codec'] },
  explain: { rooms: ['base', 'message', 'topic'], packages: ['@wrenmq/codec'] },
  session: { rooms: ['base', 'message', 'topic', 'store', 'hooks', 'explain'], packages: ['@wrenmq/codec'] },
  publish: {
    rooms: ['base', 'message', 'topic', 'hooks', 'store', 'retained', 'history', 'explain', 'session', 'cluster'],
    packages: ['@wrenmq/codec'],
  },
  port: {
    // The committer: what the port answers must be on disk.
    rooms: ['base', 'message', 'topic', 'hooks', 'auth', 'session', 'retained', 'history', 'explain', 'publish', 'store/committer.ts'],
    packages: ['@wrenmq/codec'],
  },
  connection: {
    // Of the rooms above only contracts: the byte stream, who a client is, when the disk has it.
    rooms: ['base', 'message', 'topic', 'hooks', 'session', 'port', 'listeners/link.ts', 'auth/client-identity.ts', 'store/committer.ts'],
    packages: ['@wrenmq/codec'],
  },
  gateways: { rooms: ['base', 'message', 'topic', 'port', 'gateways/gateway.ts'], packages: [] },
  features: { rooms: ['base', 'message', 'topic', 'hooks/feature.ts'], packages: ['@wrenmq/codec', 'zod'] },
  api: { rooms: ['base', 'message', 'hooks/feature.ts'], packages: ['fastify', 'prom-client'] },
};

const CLIENT_ROOMS: Readonly<Record<string, Room>> = {
  base: { rooms: [], packages: [] },
  store: { rooms: ['base', 'store/session-store.ts'], packages: [] },
  topic: { rooms: ['base'], packages: [] },
  message: { rooms: ['base', 'topic'], packages: ['@wrenmq/codec'] },
  transport: { rooms: ['base'], packages: ['ws'] },
  // Pure: of the store only its contract.
  session: { rooms: ['base', 'store/session-store.ts'], packages: ['@wrenmq/codec'] },
  delivery: { rooms: ['base', 'topic', 'message', 'session'], packages: ['@wrenmq/codec'] },
  client: { rooms: ['base', 'topic', 'message', 'store', 'transport', 'session', 'delivery'], packages: ['@wrenmq/codec'] },
  // What stands on a client sees its contract only.
  rpc: { rooms: ['base', 'topic', 'message', 'client/mqtt-client.ts'], packages: ['@wrenmq/codec'] },
  events: { rooms: ['base', 'topic', 'message', 'client/mqtt-client.ts'], packages: ['@wrenmq/codec'] },
  mqttxx: { rooms: ['base', 'topic', 'message', 'client', 'rpc', 'events'], packages: ['@wrenmq/codec'] },
};

export const HOUSES: Readonly<Record<string, House>> = {
  broker: { rooms: BROKER_ROOMS, composing: ['boot'], ofRooms: ['gateways', 'features'] },
  client: { rooms: CLIENT_ROOMS, composing: [], ofRooms: [] },
};

/** Packages that depend on nothing, not even on Node; the others may import what their package.json lists. */
export const PURE_PACKAGES: readonly string[] = ['codec'];

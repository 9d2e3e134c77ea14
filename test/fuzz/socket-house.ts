import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { createBroker, type Broker, type Logger } from '@wrenmq/broker';
import { FakeClock, type ServerPacket, readPacket, splitPacket, tempDirectory, type TempDirectory, WireClient } from '@wrenmq/testkit';
import { fuzzSettings, piecesOf, type Script } from './scenario.ts';
import { readStream } from './stream.ts';

/** A whole broker in this process, on a real socket, with a client that must not notice what the others do. */
export class SocketHouse implements AsyncDisposable {
  readonly #broker: Broker;
  readonly #directory: TempDirectory;
  readonly #errors: unknown[];
  readonly #port: number;
  readonly #healthy: WireClient;

  private constructor(broker: Broker, directory: TempDirectory, errors: unknown[], rest: { port: number; healthy: WireClient }) {
    this.#broker = broker;
    this.#directory = directory;
    this.#errors = errors;
    this.#port = rest.port;
    this.#healthy = rest.healthy;
  }

  static async open(): Promise<SocketHouse> {
    const directory = await tempDirectory();
    const errors: unknown[] = [];
    const off = { enabled: false };
    const broker = createBroker({
      clock: new FakeClock(Date.UTC(2030, 0, 1)),
      log: logTo(errors),
      settings: {
        ...fuzzSettings,
        durability: 'memory',
        dataDirectory: directory.path,
        listeners: { tcp: { bind: '127.0.0.1:0' }, ws: off, tls: off, tls1884: off, wss: off },
        admin: off,
        sys: { interval: null, nodeInterval: null, heartbeatInterval: null, events: { clientConnected: false, clientDisconnected: false } },
      },
    });
    const { listeners } = await broker.start();
    const { port } = listeners[0];
    const healthy = await WireClient.open({ host: '127.0.0.1', port });
    await healthy.connect({ clientId: 'healthy' });
    await healthy.subscribe('health/check');
    return new SocketHouse(broker, directory, errors, { port, healthy });
  }

  /** Plays the scripts at the same time, each on a socket of its own; the broker must have answered and closed in its way. */
  async play(scripts: readonly Script[]): Promise<void> {
    await Promise.all(scripts.map((one) => this.#playOne(one)));
    await this.#healthy.publish({ topic: 'health/check', qos: 1, payload: 'alive' });
    const message = await this.#healthy.receive();
    assert.equal(message.payload.toString(), 'alive');
    assert.deepEqual(this.#errors, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#healthy.cut();
    await this.#broker.stop();
    await this.#directory.remove();
  }

  /** Our half is closed behind the stream, so that a broker that waits for more sees the end, and one that answers can. */
  async #playOne(one: Script): Promise<void> {
    const stream = Buffer.concat(one.packets);
    const { version } = readStream(stream);
    const socket = connect(this.#port, '127.0.0.1');
    const answered: Buffer[] = [];
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => answered.push(bytes));
    // A reset is one way to end; what must not be is silence.
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    for (const piece of piecesOf(one, stream)) await written(socket, piece);
    socket.end();
    await closed;
    checkAnswers(Buffer.concat(answered), version);
  }
}

function checkAnswers(bytes: Buffer, version: ReturnType<typeof readStream>['version']): void {
  if (version === null) {
    assert.equal(bytes.length, 0, 'a stream without CONNECT was answered');
    return;
  }
  const packets: ServerPacket[] = [];
  let rest = bytes;
  for (let split = splitPacket(rest); split !== null; split = splitPacket(rest)) {
    packets.push(readPacket(version, split.packet));
    rest = split.rest;
  }
  assert.equal(
    packets.slice(1).some(({ type }) => type === 'connack'),
    false,
  );
  assert.equal(
    packets.slice(0, -1).some(({ type }) => type === 'disconnect'),
    false,
  );
}

function written(socket: Socket, bytes: Buffer): Promise<void> {
  if (socket.destroyed || !socket.writable) return Promise.resolve();
  return new Promise((resolve) => void socket.write(bytes, () => resolve()));
}

function logTo(errors: unknown[]): Logger {
  const keep = (fields: object, message: string): void => void errors.push([message, fields]);
  return { debug() {}, info() {}, warn() {}, error: keep, fatal: keep };
}

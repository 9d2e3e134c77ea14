import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { seededRandom } from './seeded-random.ts';
import type { WireTarget } from './wire-transport.ts';

export type Direction = 'toBroker' | 'toClient';

/** What is done to bytes on their way. Everything may be changed while connections are open. */
export interface Faults {
  /** Hands bytes on in pieces of at most so many; whole when absent. 1 is byte by byte. */
  pieceBytes?: number;
  /** Cuts each piece at a random place as well. */
  isRandomlySplit?: boolean;
  /** Milliseconds that every piece is held back. */
  delayMs?: number;
  /** Takes bytes and keeps them. */
  isStalled?: boolean;
  /** Cuts the connection after so many bytes in this direction. */
  cutAfterBytes?: number;
}

class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #faults: Faults;
  readonly #random: () => number;
  readonly #held: Buffer[] = [];
  #passedBytes = 0;
  #isPumping = false;

  constructor(from: Socket, to: Socket, faults: Faults, random: () => number) {
    this.#from = from;
    this.#to = to;
    this.#faults = faults;
    this.#random = random;
    from.on('data', (bytes: Buffer) => {
      this.#held.push(bytes);
      void this.pump();
    });
  }

  async pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#held.length > 0 && this.#faults.isStalled !== true && !this.#to.destroyed) {
      const piece = this.#takePiece();
      if (this.#faults.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, this.#faults.delayMs));
      const allowed = (this.#faults.cutAfterBytes ?? Infinity) - this.#passedBytes;
      const passed = piece.subarray(0, Math.max(0, allowed));
      this.#passedBytes += passed.length;
      if (passed.length > 0) await new Promise((resolve) => this.#to.write(passed, resolve));
      if (passed.length < piece.length || allowed === piece.length) {
        this.#from.destroy();
        this.#to.destroy();
      }
    }
    this.#isPumping = false;
  }

  #takePiece(): Buffer {
    const first = this.#held[0];
    let size = Math.min(first.length, this.#faults.pieceBytes ?? first.length);
    if (this.#faults.isRandomlySplit === true) size = 1 + Math.floor(this.#random() * size);
    if (size < first.length) this.#held[0] = first.subarray(size);
    else this.#held.shift();
    return first.subarray(0, size);
  }
}

/** A TCP proxy on 127.0.0.1 in front of a broker that can cut, stall, delay and split; the same seed splits in the same places. */
export class FaultProxy implements AsyncDisposable {
  readonly toBroker: Faults = {};
  readonly toClient: Faults = {};
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #lanes = new Set<Lane>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static start(broker: { readonly host?: string; readonly port: number }, seed = 1): Promise<FaultProxy> {
    const random = seededRandom(seed);
    const server = createServer();
    const proxy = new FaultProxy(server);
    server.on('connection', (client) => proxy.#join(client, connect(broker.port, broker.host ?? '127.0.0.1'), random));
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => resolve(proxy));
    });
  }

  get target(): WireTarget & { readonly host: string; readonly port: number } {
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  /** Cuts every open connection; new ones are still taken. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Keeps bytes back, or lets what was kept go on. */
  stall(direction: Direction, isStalled: boolean): void {
    this[direction].isStalled = isStalled;
    for (const lane of this.#lanes) void lane.pump();
  }

  async close(): Promise<void> {
    this.cutAll();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #join(client: Socket, broker: Socket, random: () => number): void {
    const lanes = [new Lane(client, broker, this.toBroker, random), new Lane(broker, client, this.toClient, random)];
    for (const lane of lanes) this.#lanes.add(lane);
    for (const [socket, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.once('close', () => {
        this.#sockets.delete(socket);
        for (const lane of lanes) this.#lanes.delete(lane);
        other.destroy();
      });
    }
  }
}

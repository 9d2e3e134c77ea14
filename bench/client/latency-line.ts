import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP line to a broker on this machine on which bytes travel for some milliseconds, as many at a time as come; it can stall and be cut. */
export class LatencyLine implements AsyncDisposable {
  /** Takes bytes from the client and keeps them. */
  isStalled = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(brokerPort: number, oneWayMs: number): Promise<LatencyLine> {
    const server = createServer({ noDelay: true });
    const line = new LatencyLine(server);
    server.on('connection', (client) => {
      const broker = connect({ port: brokerPort, host: '127.0.0.1', noDelay: true });
      for (const [from, to] of [
        [client, broker],
        [broker, client],
      ]) {
        line.#sockets.add(from);
        from.on('data', (bytes) => {
          if (line.isStalled) return;
          setTimeout(() => to.write(bytes), oneWayMs);
        });
        from.on('error', () => undefined);
        from.on('close', () => {
          line.#sockets.delete(from);
          to.destroy();
        });
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return line;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends every connection; the next ones are served again. */
  cut(): void {
    this.isStalled = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { decodePacket, FrameDecoder, type Packet, PacketType, type ProtocolVersion } from '@wrenmq/codec';

const FRAME_BYTES_MAX = 16 * 1024 * 1024;

/** Stands between a program and its broker, and writes down every packet that the program sends. */
export class RecordingProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #packets: Packet[] = [];
  #whenSubscribed = Promise.withResolvers<void>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(broker: { readonly host: string; readonly port: number }): Promise<RecordingProxy> {
    const server = createServer();
    const proxy = new RecordingProxy(server);
    server.on('connection', (client) => proxy.#join(client, connect(broker)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What was sent since the last call. */
  take(): Packet[] {
    const packets = this.#packets;
    this.#packets = [];
    this.#whenSubscribed = Promise.withResolvers();
    return packets;
  }

  /** Settles with the first SUBACK since the last `take`. */
  get whenSubscribed(): Promise<void> {
    return this.#whenSubscribed.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, broker: Socket): void {
    let version: ProtocolVersion = 4;
    const decode = (handle: (packet: Packet) => void): ((bytes: Buffer) => void) => {
      const decoder = new FrameDecoder<Buffer>((bytes) => Buffer.allocUnsafeSlow(bytes), FRAME_BYTES_MAX);
      const onFrame = (first: number, ...[bytes, , body, end]: [Buffer, number, number, number]): boolean => {
        handle(decodePacket(version, first, bytes, body, end));
        return true;
      };
      return (bytes) => decoder.push(bytes, 0, bytes.length, { onFrame });
    };
    const fromClient = decode((packet) => {
      if (packet.type === PacketType.CONNECT) version = packet.version;
      this.#packets.push(packet);
    });
    const fromBroker = decode(({ type }) => type === PacketType.SUBACK && this.#whenSubscribed.resolve());
    this.#pipe(client, broker, fromClient);
    this.#pipe(broker, client, fromBroker);
  }

  #pipe(from: Socket, to: Socket, record: (bytes: Buffer) => void): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (bytes: Buffer) => {
      record(bytes);
      to.write(bytes);
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => (this.#sockets.delete(from), to.destroy()));
  }
}

// HOT
import { connect, type Socket } from 'node:net';
import { FrameDecoder, type FrameSink, PacketType } from '@wrenmq/codec';
import { connectBytes } from '@wrenmq/testkit';

/** Every read of every client lands here and is used up before the next. */
const readBuffer = Buffer.allocUnsafeSlow(65_536);
const allocate = (bytes: number): Buffer => Buffer.allocUnsafeSlow(bytes);
const PACKET_BYTES_MAX = 256 * 1024 * 1024;

/** One packet from the broker: `bytes[body..end)` is what follows the fixed header, valid during the call. */
export type PacketListener = (first: number, bytes: Buffer, body: number, end: number) => void;

/** A connection that sends ready bytes and hands out whole packets: as little work per packet as a client can do. */
export class RawClient implements FrameSink<Buffer> {
  readonly socket: Socket;
  onPacket: PacketListener;
  /** The connection is over: the error, or null. */
  onClose: (error: Error | null) => void = () => undefined;
  readonly #decoder = new FrameDecoder<Buffer>(allocate, PACKET_BYTES_MAX);

  constructor(port: number, onPacket: PacketListener) {
    this.onPacket = onPacket;
    this.socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (count, bytes) => {
          this.#decoder.push(bytes as Buffer, 0, count, this);
          return true;
        },
      },
    });
    let failure: Error | null = null;
    this.socket.on('error', (error) => (failure = error));
    this.socket.on('close', () => this.onClose(failure));
  }

  /** A client of MQTT 3.1.1 with a clean session. */
  static async connect(port: number, clientId: string): Promise<RawClient> {
    const client = new RawClient(port, () => undefined);
    await client.request(connectBytes(4, { clientId }), PacketType.CONNACK);
    return client;
  }

  onFrame(first: number, bytes: Buffer, _start: number, body: number, end: number): boolean {
    this.onPacket(first, bytes, body, end);
    return true;
  }

  send(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** Sends, and resolves with the next packet of this type, copied: for what happens once. */
  async request(bytes: Buffer, type: number): Promise<Buffer> {
    const before = this.onPacket;
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        this.onClose = (error) => reject(error ?? new Error('the broker closed the connection'));
        this.onPacket = (first, packet, body, end) => {
          if (first >> 4 === type) resolve(Buffer.from(packet.subarray(body, end)));
          else before(first, packet, body, end);
        };
        this.send(bytes);
      });
    } finally {
      this.onPacket = before;
      this.onClose = () => undefined;
    }
  }

  close(): void {
    this.socket.destroy();
  }
}

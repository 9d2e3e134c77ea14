// HOT
import type { Duplex } from 'node:stream';
import { FrameDecoder, type FrameSink } from '@wrenmq/codec';
import { openStream, type StreamReader, type WireTarget } from './open-stream.ts';

/** Whom a connection tells what comes. */
export interface PacketSink {
  /** One whole packet: `bytes[body..end)` is what follows the fixed header, valid during the call. */
  onPacket(first: number, bytes: Buffer, body: number, end: number): void;
  /** All packets of one read have been handed out: the moment to write what they caused. */
  onReadEnd(): void;
  /** What was written has left, after a write that said false. */
  onDrain(): void;
  /** Once, and last: the connection is over. */
  onClose(error: Error | null): void;
}

const LINGER_MS = 1000;
const READ_BYTES = 65_536;
const PACKET_BYTES_MAX = 268_435_460;

function allocate(bytes: number): Buffer {
  return Buffer.allocUnsafeSlow(bytes);
}

/** Several connections may share one: each uses it up before the next reads. */
function createReadBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(READ_BYTES);
}

/** A connection that sends ready bytes and hands out whole packets; it knows nothing of MQTT's rules and keeps none. */
export class PacketConnection implements FrameSink<Buffer>, StreamReader {
  readonly buffer: Buffer;
  readonly #sink: PacketSink;
  readonly #decoder = new FrameDecoder<Buffer>(allocate, PACKET_BYTES_MAX);
  #stream!: Duplex;

  private constructor(sink: PacketSink, buffer: Buffer) {
    this.#sink = sink;
    this.buffer = buffer;
  }

  static async open(target: WireTarget, sink: PacketSink, readBuffer: Buffer = createReadBuffer()): Promise<PacketConnection> {
    const connection = new PacketConnection(sink, readBuffer);
    const stream = await openStream(target, connection);
    connection.#stream = stream;
    let failure: Error | null = null;
    stream.on('error', (error: Error) => (failure = error));
    stream.on('close', () => sink.onClose(failure));
    stream.on('end', () => stream.end());
    stream.on('drain', () => sink.onDrain());
    return connection;
  }

  /** Bytes that wait in this process because the peer, or the network, takes no more. */
  get queuedBytes(): number {
    return this.#stream.writableLength;
  }

  get isClosed(): boolean {
    return this.#stream.destroyed || this.#stream.writableEnded;
  }

  /** False: wait for `onDrain`. The bytes are taken in any case, and must not be changed any more. */
  write(bytes: Uint8Array): boolean {
    return this.#stream.write(bytes);
  }

  /** Ends it when what was written has left; the peer gets a second to end it too. */
  end(): void {
    this.#stream.end();
    const linger = setTimeout(() => this.#stream.destroy(), LINGER_MS);
    this.#stream.once('close', () => clearTimeout(linger));
  }

  /** Ends it at once. */
  destroy(): void {
    this.#stream.destroy();
  }

  onBytes(count: number, bytes: Buffer): void {
    try {
      this.#decoder.push(bytes, 0, count, this);
    } catch (error) {
      this.#stream.destroy(error as Error);
      return;
    }
    this.#sink.onReadEnd();
  }

  onFrame(first: number, bytes: Buffer, _start: number, body: number, end: number): boolean {
    this.#sink.onPacket(first, bytes, body, end);
    return true;
  }
}

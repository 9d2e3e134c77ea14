/** For the tests of this room: a started listener, what came through it, and promises instead of waiting. */
import { EventEmitter, once } from 'node:events';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import type { LogFields, Logger } from '#base/logger.ts';
import type { BindAddress, BoundAddress, IpBind } from '#base/bind-address.ts';
import type { Link, LinkHandler } from './link.ts';
import { createListener, type Listener } from './listener.ts';
import { listenerDefaults, type ListenerOptions } from './listener-options.ts';

export const anyPort: BindAddress = { host: '127.0.0.1', port: 0 };

/** Records what a Link reports; each call is also an event: 'bytes', 'drain', 'close'. */
export class RecordingHandler extends EventEmitter implements LinkHandler {
  readonly link: Link;
  received: Buffer = Buffer.alloc(0);
  chunks: string[] = [];
  drains = 0;
  closes: (Error | null)[] = [];

  constructor(link: Link) {
    super();
    this.link = link;
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    this.received = Buffer.concat([this.received, bytes.subarray(start, end)]);
    this.chunks.push(bytes.toString('latin1', start, end));
    this.emit('bytes');
  }

  onDrain(): void {
    this.drains++;
    this.emit('drain');
  }

  onClose(reason: Error | null): void {
    this.closes.push(reason);
    this.emit('close');
  }

  async untilReceived(length: number): Promise<Buffer> {
    while (this.received.length < length) await once(this, 'bytes');
    return this.received;
  }

  async untilClosed(): Promise<Error | null> {
    while (this.closes.length === 0) await once(this, 'close');
    return this.closes[0]!;
  }
}

class RecordingLog extends EventEmitter implements Logger {
  readonly lines: { level: string; fields: LogFields; message: string }[] = [];
  debug = (fields: LogFields, message: string): void => this.#add('debug', fields, message);
  info = (fields: LogFields, message: string): void => this.#add('info', fields, message);
  warn = (fields: LogFields, message: string): void => this.#add('warn', fields, message);
  error = (fields: LogFields, message: string): void => this.#add('error', fields, message);
  fatal = (fields: LogFields, message: string): void => this.#add('fatal', fields, message);

  count(message: string): number {
    return this.lines.filter((line) => line.message === message).length;
  }

  async until(message: string): Promise<void> {
    while (this.count(message) === 0) await once(this, 'line');
  }

  #add(level: string, fields: LogFields, message: string): void {
    this.lines.push({ level, fields, message });
    this.emit('line');
  }
}

export class TestDoor extends EventEmitter implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly log = new RecordingLog();
  readonly handlers: RecordingHandler[] = [];
  readonly listener: Listener;
  bound: BoundAddress = { path: '' };
  /** Replaces the recording handler. */
  handle: (link: Link) => LinkHandler | null = (link) => new RecordingHandler(link);

  constructor(options: Partial<ListenerOptions>) {
    super();
    const complete = { ...listenerDefaults, kind: 'tcp', name: 'tcp.test', bind: anyPort, ...options } as ListenerOptions;
    this.listener = createListener(complete, { log: this.log, clock: this.clock });
  }

  static async open(options: Partial<ListenerOptions> = {}): Promise<TestDoor> {
    const door = new TestDoor(options);
    door.bound = await door.listener.start((link) => {
      const handler = door.handle(link);
      if (handler instanceof RecordingHandler) door.handlers.push(handler);
      setImmediate(() => door.emit('link'));
      return handler;
    });
    return door;
  }

  get address(): IpBind {
    return this.bound as IpBind;
  }

  /** The handler of the nth Link, as soon as it has come. */
  async handler(index = 0): Promise<RecordingHandler> {
    while (this.handlers.length <= index) await once(this, 'link');
    return this.handlers[index];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listener.close();
  }
}

/** Resolves when the peer is gone, whether by FIN or reset. */
export function gone(socket: EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => {});
    socket.once('close', () => resolve());
  });
}

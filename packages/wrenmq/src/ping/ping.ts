import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { PacketType, type QoS } from '@wrenmq/codec';
import { Interruption } from '#client/interruption.ts';
import type { ConnectionFlags } from '#connection/connection-flags.ts';
import { connectOptions } from '#connection/connect-options.ts';
import { readNumber, readQoS } from '#connection/read-value.ts';
import { CommandError, ExitCode } from '#exit-code.ts';
import { type ConnectedSession, connectSession, RefusedError } from '#wire/connect-session.ts';
import { wireBroker } from '#wire/wire-broker.ts';
import type { WireSession } from '#wire/wire-session.ts';
import { LayerTimes } from './layer-times.ts';
import { type PingStatistics, pingStatistics } from './ping-statistics.ts';

interface PingFlags extends ConnectionFlags {
  readonly count?: string;
  readonly interval?: string;
  readonly topic?: string;
  readonly qos?: string;
  readonly size?: string;
  readonly timeout?: string;
  readonly reconnect?: true;
  readonly json?: true;
}

interface PingPlan {
  /** Infinity: until it is interrupted. */
  readonly count: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly message: { readonly topic: string; readonly qos: QoS; readonly size: number } | null;
  /** Each round on a connection of its own. */
  readonly reconnects: boolean;
  readonly isJson: boolean;
}

/** `wrenmq ping`: prints a line for each round trip, and the statistics at the end. */
export async function ping(flags: PingFlags): Promise<void> {
  const plan = planOf(flags);
  const broker = await wireBroker(await connectOptions(flags), plan.timeoutMs);
  const { href } = broker.target.url;
  const layers = new LayerTimes();
  const connected = await connectSession(broker).catch((error: Error) => {
    throw new CommandError(`wrenmq: ${href}: ${error.message}`, error instanceof RefusedError ? ExitCode.Refused : ExitCode.Unreachable);
  });
  if (!plan.isJson)
    console.log(
      `${href}: connected in ${ms(connected.streamMs)}, CONNECT answered in ${ms(connected.connectMs)}, ${versionOf(connected.session)}`,
    );
  // What was found out once is not tried again.
  const run = new PingRun(connected.session, plan, () => layers.connect({ ...broker, version: connected.session.version as 4 | 5 }));
  using interruption = new Interruption();
  const isWhole = await run.untilEnd(interruption.signal);
  run.leave();
  const result = { url: href, ...run.result(connected), ...(plan.reconnects ? { layers: layers.statistics() } : {}) };
  console.log(plan.isJson ? JSON.stringify(result) : summary(result));
  if (!isWhole) throw new CommandError(`wrenmq: ${href}: the broker closed the connection`, ExitCode.Failure);
  if (result.ping.answered === 0) throw new CommandError(`wrenmq: ${href}: no answer`, ExitCode.TimedOut);
}

function planOf(flags: PingFlags): PingPlan {
  const seconds = { min: 0, max: 86_400, fraction: true };
  const count = readNumber('--count', flags.count, { min: 0, max: 1e9 }) ?? 5;
  const size = readNumber('--size', flags.size, { min: TOKEN_BYTES, max: 268_000_000 }) ?? 64;
  return {
    count: count === 0 ? Infinity : count,
    intervalMs: (readNumber('--interval', flags.interval, seconds) ?? 1) * 1000,
    timeoutMs: (readNumber('--timeout', flags.timeout, { ...seconds, min: 0.001 }) ?? 5) * 1000,
    message: flags.topic === undefined ? null : { topic: flags.topic, qos: readQoS('--qos', flags.qos) ?? 0, size },
    reconnects: flags.reconnect === true,
    isJson: flags.json === true,
  };
}

/** By which a message that comes back is known as ours. */
const TOKEN_BYTES = 8;

/** The round trips of one connection after the other, or of a single one. */
class PingRun {
  #session: WireSession;
  readonly #connect: () => Promise<ConnectedSession>;
  readonly #plan: PingPlan;
  readonly #pings: (number | null)[] = [];
  readonly #messages: (number | null)[] = [];

  constructor(session: WireSession, plan: PingPlan, connect: () => Promise<ConnectedSession>) {
    this.#session = session;
    this.#plan = plan;
    this.#connect = connect;
  }

  leave(): void {
    this.#session.disconnect();
    this.#session[Symbol.dispose]();
  }

  /** False when the connection ended first. */
  async untilEnd(interrupted: AbortSignal): Promise<boolean> {
    if (this.#plan.message !== null && !this.#plan.reconnects) await this.#subscribe(this.#plan.message.topic);
    for (let sequence = 1; sequence <= this.#plan.count && !interrupted.aborted; sequence += 1) {
      const startedAt = performance.now();
      if (this.#plan.reconnects) await this.#comeBack();
      await this.#roundTrips(sequence);
      if (this.#session.isClosed && !this.#plan.reconnects) return false;
      const restMs = startedAt + this.#plan.intervalMs - performance.now();
      if (sequence < this.#plan.count && restMs > 0) await delay(restMs, undefined, { signal: interrupted }).catch(() => {});
    }
    return true;
  }

  /** Without a broker the round trips that follow are not answered. */
  async #comeBack(): Promise<void> {
    this.leave();
    try {
      this.#session = (await this.#connect()).session;
      if (this.#plan.message !== null) await this.#subscribe(this.#plan.message.topic);
    } catch (error) {
      if (error instanceof CommandError) throw error;
    }
  }

  result(connected: ConnectedSession): PingResult {
    const { streamMs, connectMs, session } = connected;
    return {
      schema: 'wrenmq.ping/1',
      version: versionOf(session),
      streamMs: Math.round(streamMs * 1000) / 1000,
      connectMs: Math.round(connectMs * 1000) / 1000,
      ping: pingStatistics(this.#pings),
      ...(this.#plan.message === null ? {} : { publish: pingStatistics(this.#messages) }),
    };
  }

  async #subscribe(topic: string): Promise<void> {
    const { reasonCodes } = await this.#session.subscribe(topic, { qos: this.#plan.message!.qos });
    if (reasonCodes[0] >= 0x80) throw new CommandError(`wrenmq: the broker refuses the subscription to ${topic}`, ExitCode.Denied);
  }

  async #roundTrips(sequence: number): Promise<void> {
    this.#note(this.#pings, 'PINGRESP', sequence, await this.#measure(() => this.#ping()));
    if (this.#plan.message !== null && !this.#session.isClosed)
      this.#note(this.#messages, 'PUBLISH ', sequence, await this.#measure(() => this.#publish()));
  }

  /** Null when no answer came in time. */
  async #measure(roundTrip: () => Promise<void>): Promise<number | null> {
    const startedAt = performance.now();
    try {
      await roundTrip();
      return performance.now() - startedAt;
    } catch {
      return null;
    }
  }

  async #ping(): Promise<void> {
    this.#session.send({ type: PacketType.PINGREQ });
    await this.#session.expect(PacketType.PINGRESP);
  }

  async #publish(): Promise<void> {
    const { topic, qos, size } = this.#plan.message!;
    const token = randomBytes(TOKEN_BYTES);
    const payload = Buffer.concat([token, Buffer.alloc(size - TOKEN_BYTES)]);
    const back = this.#session.next(
      (packet) => packet.type === PacketType.PUBLISH && token.equals(packet.payload.subarray(0, TOKEN_BYTES)),
    );
    const [message] = await Promise.all([back, this.#session.publish({ topic, qos, payload })]);
    if (message?.type !== PacketType.PUBLISH) throw new Error('the broker closed the connection');
    if (message.qos > 0)
      this.#session.send({ type: message.qos === 1 ? PacketType.PUBACK : PacketType.PUBREC, packetId: message.packetId, reasonCode: 0 });
  }

  #note(times: (number | null)[], what: string, sequence: number, time: number | null): void {
    times.push(time);
    if (!this.#plan.isJson) console.log(`${what} ${sequence}: ${time === null ? 'no answer' : ms(time)}`);
  }
}

interface PingResult {
  readonly schema: 'wrenmq.ping/1';
  readonly version: string;
  readonly streamMs: number;
  readonly connectMs: number;
  /** With --reconnect: TCP, TLS or WebSocket, and CONNECT, in the order in which they are opened. */
  readonly layers?: Readonly<Record<string, PingStatistics>>;
  readonly ping: PingStatistics;
  /** From PUBLISH to the same message coming back. */
  readonly publish?: PingStatistics;
}

function versionOf({ version }: WireSession): string {
  return version === 5 ? 'MQTT 5.0' : 'MQTT 3.1.1';
}

function summary({ url, layers = {}, ping: pings, publish }: PingResult & { readonly url: string }): string {
  const lines = [...Object.entries(layers), ['PINGREQ', pings] as const, ...(publish === undefined ? [] : [['PUBLISH', publish] as const])];
  return [`--- ${url} ---`, ...lines.map(([what, statistics]) => describe(what, statistics))].join('\n');
}

function describe(what: string, { sent, answered, minMs, p50Ms, p99Ms, maxMs }: PingStatistics): string {
  const lost = Math.round(((sent - answered) / Math.max(1, sent)) * 100);
  return `${what}: ${sent} sent, ${answered} answered, ${lost} % lost, min ${ms(minMs)}, p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}, max ${ms(maxMs)}`;
}

function ms(time: number): string {
  return `${time.toFixed(time < 10 ? 3 : 1)} ms`;
}

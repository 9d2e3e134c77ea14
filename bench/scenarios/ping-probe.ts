import { PacketType } from '@wrenmq/codec';
import { connectBytes, pingreqBytes } from '@wrenmq/testkit';
import type { Contender } from '#root/bench/contender.ts';
import { percentile } from '#root/bench/statistics.ts';
import { RawClient } from './raw-client.ts';

const INTERVAL_MS = 5;

/** A client that has nothing to do with the load and asks again and again whether the broker still answers. */
export class PingProbe implements AsyncDisposable {
  readonly #client: RawClient;
  readonly #times: number[] = [];
  #sentAt = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(port: number) {
    this.#client = new RawClient(port, (first) => {
      if (first >> 4 !== PacketType.PINGRESP) return;
      this.#times.push(performance.now() - this.#sentAt);
      this.#timer = setTimeout(() => this.#ping(), INTERVAL_MS);
    });
  }

  static async start(broker: Contender): Promise<PingProbe> {
    const probe = new PingProbe(broker.port);
    await probe.#client.request(connectBytes(4, { clientId: 'ping-probe' }), PacketType.CONNACK);
    probe.#ping();
    return probe;
  }

  /** What the answers took since the last call, milliseconds; one that has not come yet counts with its age. */
  stop(): { readonly p99Ms: number; readonly maxMs: number } {
    const times = this.#times.splice(0);
    if (this.#sentAt !== 0) times.push(this.#timer === undefined ? performance.now() - this.#sentAt : 0);
    const round = (ms: number): number => Math.round(ms * 10) / 10;
    return { p99Ms: round(percentile(times, 0.99)), maxMs: round(percentile(times, 1)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#client.close();
  }

  #ping(): void {
    this.#timer = undefined;
    this.#sentAt = performance.now();
    this.#client.send(pingreqBytes());
  }
}

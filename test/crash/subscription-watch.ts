import { pingreqBytes, WireClient, type WireTarget } from '@wrenmq/testkit';

/** A passing subscriber at QoS 0: what it finds, by topic. */
export class SubscriptionWatch {
  readonly found = new Map<string, string>();
  readonly #client: WireClient;

  private constructor(client: WireClient) {
    this.#client = client;
  }

  /** Null when the broker is gone before it answers. */
  static async open(target: WireTarget, filter: string): Promise<SubscriptionWatch | null> {
    try {
      const client = await WireClient.open(target, 5);
      await client.connect();
      await client.subscribe({ filter, qos: 0 });
      return new SubscriptionWatch(client);
    } catch {
      return null;
    }
  }

  /** Takes messages until `isEnough`; false when the connection ends or time runs out before. */
  async until(isEnough: (found: ReadonlyMap<string, string>) => boolean, timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (!isEnough(this.found)) {
      const packet = await this.#client.next(Math.max(1, deadline - performance.now())).catch(() => null);
      if (packet === null) return false;
      if (packet.type === 'publish') this.found.set(packet.topic, packet.payload.toString());
    }
    return true;
  }

  /** Takes what was sent before now; false when the connection is gone. */
  async roundTrip(): Promise<boolean> {
    this.#client.send(pingreqBytes());
    for (;;) {
      const packet = await this.#client.next().catch(() => null);
      if (packet === null) return false;
      if (packet.type === 'pingresp') return true;
      if (packet.type === 'publish') this.found.set(packet.topic, packet.payload.toString());
    }
  }

  close(): void {
    this.#client.transport.destroy();
  }
}

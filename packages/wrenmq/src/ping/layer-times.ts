import { type ConnectedSession, connectSession } from '#wire/connect-session.ts';
import type { WireBroker } from '#wire/wire-broker.ts';
import { type PingStatistics, pingStatistics } from './ping-statistics.ts';

const CONNECT = 'CONNECT';

/** How long each layer took to open: TCP, TLS, WebSocket, and CONNECT to CONNACK. */
export class LayerTimes {
  readonly #times = new Map<string, (number | null)[]>();

  async connect(broker: WireBroker): Promise<ConnectedSession> {
    let sinceMs = performance.now();
    const onLayer = (layer: string): void => {
      const now = performance.now();
      this.#note(layer, now - sinceMs);
      sinceMs = now;
    };
    try {
      const connected = await connectSession({ ...broker, target: { ...broker.target, onLayer } });
      this.#note(CONNECT, connected.connectMs);
      return connected;
    } catch (error) {
      this.#note(CONNECT, null);
      throw error;
    }
  }

  statistics(): Readonly<Record<string, PingStatistics>> {
    return Object.fromEntries([...this.#times].map(([layer, times]) => [layer, pingStatistics(times)]));
  }

  #note(layer: string, time: number | null): void {
    const times = this.#times.get(layer);
    if (times === undefined) this.#times.set(layer, [time]);
    else times.push(time);
  }
}

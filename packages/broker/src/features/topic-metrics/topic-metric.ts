import { Flow, type FlowReading } from './flow.ts';
import { LatencyHistogram, type LatencyReading } from './latency-histogram.ts';

export interface TopicMetricReading {
  readonly name: string;
  readonly filter: string;
  /** From the configuration; else it was made at run time and ends with the broker. */
  readonly isConfigured: boolean;
  /** Since when it counts: its start, or its last reset; wall clock, milliseconds. */
  readonly sinceMs: number;
  /** Published. */
  readonly in: FlowReading;
  /** Delivered: acknowledged, or at QoS 0 sent, once for each client. QoS is that of the delivery. */
  readonly out: FlowReading;
  /** Deliveries that came to nothing, and messages that were refused. */
  readonly dropped: FlowReading;
  /** Published messages that no subscription asked for. */
  readonly unmatched: number;
  /** From receipt to delivery, milliseconds, over the last one to two minutes. */
  readonly latencyMs: LatencyReading;
}

/** What is counted for one filter. */
export class TopicMetric {
  readonly name: string;
  readonly filter: string;
  isConfigured: boolean;
  in = new Flow();
  out = new Flow();
  dropped = new Flow();
  unmatched = 0;
  latency = new LatencyHistogram();
  #sinceMs: number;

  constructor(name: string, filter: string, isConfigured: boolean, nowMs: number) {
    this.name = name;
    this.filter = filter;
    this.isConfigured = isConfigured;
    this.#sinceMs = nowMs;
  }

  tick(): void {
    this.in.tick();
    this.out.tick();
    this.dropped.tick();
  }

  reset(nowMs: number): void {
    this.in = new Flow();
    this.out = new Flow();
    this.dropped = new Flow();
    this.unmatched = 0;
    this.latency = new LatencyHistogram();
    this.#sinceMs = nowMs;
  }

  get reading(): TopicMetricReading {
    return {
      name: this.name,
      filter: this.filter,
      isConfigured: this.isConfigured,
      sinceMs: this.#sinceMs,
      in: this.in.reading,
      out: this.out.reading,
      dropped: this.dropped.reading,
      unmatched: this.unmatched,
      latencyMs: this.latency.reading,
    };
  }
}

import { brokerVersion } from '#base/version.ts';
import { nodeMetrics } from './node-metrics.ts';
import type { Sample } from './sample.ts';

const ROOT = '$SYS/brokers';

/** `$SYS/brokers` and `$SYS/brokers/<node>/#` with the names and units of EMQX. */
export class NodeTopics {
  /** What the node's topics begin with. */
  readonly own: string;
  readonly #node: string;
  readonly #highest = new Map<string, number>();

  /** `host` becomes part of the node's name, which is one level of a topic. */
  constructor(host: string) {
    this.#node = `wrenmq@${host.replaceAll(/[+#/\0\s]/g, '-')}`;
    this.own = `${ROOT}/${this.#node}`;
  }

  /** Topic and value of what the node is and of its figures. */
  figures(sample: Sample): [string, string][] {
    return [
      [ROOT, this.#node],
      [`${this.own}/version`, brokerVersion],
      [`${this.own}/sysdescr`, 'WrenMQ'],
      ...this.#stats(sample).map(([name, value]): [string, string] => [`${this.own}/stats/${name}`, String(value)]),
      ...nodeMetrics(sample).map(([name, value]): [string, string] => [`${this.own}/metrics/${name}`, String(value)]),
    ];
  }

  /** Milliseconds since the start, and the time of day (RFC 3339, UTC). */
  heartbeat(sample: Sample): [string, string][] {
    return [
      [`${this.own}/uptime`, String(Math.floor(sample.uptimeMs))],
      [`${this.own}/datetime`, new Date(sample.wallMs).toISOString()],
    ];
  }

  /** Each with the highest value that was seen. */
  #stats({ statistics }: Sample): [string, number][] {
    const { sessions, subscriptions, sharedSubscriptions, retainedMessages, filters } = statistics;
    const now: [string, number][] = [
      ['connections', sessions],
      ['live_connections', sessions - statistics.sessionsDisconnected],
      ['channels', sessions],
      ['sessions', sessions],
      ['cluster_sessions', sessions],
      ['topics', filters],
      ['routes', filters],
      ['suboptions', subscriptions],
      ['subscribers', subscriptions],
      ['subscriptions', subscriptions],
      ['subscriptions/shared', sharedSubscriptions],
      ['retained', retainedMessages],
      ['delayed', statistics.delayedMessages],
    ];
    return now.flatMap(([name, value]) => {
      const highest = Math.max(value, this.#highest.get(name) ?? 0);
      this.#highest.set(name, highest);
      return [
        [`${name}/count`, value],
        [`${name}/max`, highest],
      ];
    });
  }
}

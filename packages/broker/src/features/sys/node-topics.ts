import { brokerVersion } from '#base/version.ts';
import { nodeMetrics } from './node-metrics.ts';
import type { Sample } from './sample.ts';
import { topicLevelOf } from './topic-level.ts';

const ROOT = '$SYS/brokers';
/** So many shared groups have a topic of their own, the first that there were. Clients give them their names. */
const SHARED_MAX = 1000;
/** A name may have 64 KiB, and all of them are kept. */
const NAME_CHARACTERS_MAX = 1024;

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
      ...this.#shared(sample),
    ];
  }

  /** Milliseconds since the start, and the time of day (RFC 3339, UTC). */
  heartbeat(sample: Sample): [string, string][] {
    return [
      [`${this.own}/uptime`, String(Math.floor(sample.uptimeMs))],
      [`${this.own}/datetime`, new Date(sample.wallMs).toISOString()],
    ];
  }

  /** Members, backlog and lag of each shared group; its name and its filter are one level each. */
  #shared({ sharedGroups }: Sample): [string, string][] {
    return sharedGroups.slice(0, SHARED_MAX).map((share) => {
      const { group, filter } = share;
      const payload = {
        group: group.slice(0, NAME_CHARACTERS_MAX),
        filter: filter.slice(0, NAME_CHARACTERS_MAX),
        strategy: share.strategy,
        durable: share.isDurable,
        members: share.members,
        connected: share.membersConnected,
        waiting: share.waiting,
        waiting_bytes: share.waitingBytes,
        oldest_ms: share.oldestWaitingMs,
        returned: share.returned,
        dead_lettered: share.deadLettered,
        dropped: share.dropped,
      };
      return [`${this.own}/shared/${topicLevelOf(group)}/${topicLevelOf(filter)}`, JSON.stringify(payload)];
    });
  }

  /** Each with the highest value that was seen. */
  #stats({ statistics, sharedGroups }: Sample): [string, number][] {
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
      ['shared/groups', sharedGroups.length],
      ['shared/waiting', sharedGroups.reduce((sum, { waiting }) => sum + waiting, 0)],
      ['retained', retainedMessages],
      ['retained/history', statistics.retainedHistoryMessages],
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

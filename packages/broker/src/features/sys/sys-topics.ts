import { hostname } from 'node:os';
import type { Collection, FeatureContext, FeatureSample, RunningFeature } from '#hooks/feature.ts';
import { type Alarm, alarmJson, type AlarmLimits, alarmNames, Alarms } from './alarms.ts';
import { BrokerTopics } from './broker-topics.ts';
import { ClientEvents, type EventSettings } from './client-events.ts';
import { Machine } from './machine.ts';
import { NodeTopics } from './node-topics.ts';
import { Rhythm } from './rhythm.ts';
import type { Sample } from './sample.ts';

export interface SysSettings {
  /** How often `$SYS/broker/#` is looked at; null for none of it. */
  readonly intervalSeconds: number | null;
  /** How often the node's figures are published; null for none of them. */
  readonly nodeIntervalSeconds: number | null;
  /** How often the node says that it is there; null for never. */
  readonly heartbeatIntervalSeconds: number | null;
  readonly events: EventSettings;
  readonly alarms: AlarmLimits & {
    /** How often the machine is looked at; null for never. */
    readonly intervalSeconds: number | null;
  };
}

/** What the broker tells of itself: mosquitto's tree, the node's figures and heartbeat, and what happens to clients. */
export class SysTopics implements RunningFeature<SysSettings> {
  readonly #context: FeatureContext<SysSettings>;
  readonly #startedMs: number;
  readonly #broker: BrokerTopics;
  readonly #node: NodeTopics;
  readonly #events: ClientEvents;
  /** What was published last in mosquitto's tree. */
  readonly #published = new Map<string, string>();
  /** What is kept of the node. */
  readonly #figures = new Set<string>();
  readonly #brokerRhythm: Rhythm;
  readonly #figuresRhythm: Rhythm;
  readonly #heartbeat: Rhythm;
  readonly #alarms: Alarms;
  readonly #alarmRhythm: Rhythm;
  /** Nothing is put into it: it knows whether the disk is full. */
  readonly #disk: Collection;

  constructor(context: FeatureContext<SysSettings>, host: string = hostname(), machine: Pick<Machine, 'read'> = new Machine()) {
    const { clock } = context;
    this.#context = context;
    this.#startedMs = clock.monotonicMs();
    this.#broker = new BrokerTopics(this.#sample());
    this.#node = new NodeTopics(host);
    this.#events = new ClientEvents(context, this.#node.own);
    this.#brokerRhythm = new Rhythm(clock, () => this.#publishChanges());
    this.#figuresRhythm = new Rhythm(clock, () => this.#publishFigures());
    this.#heartbeat = new Rhythm(clock, () => this.#beat());
    this.#disk = context.collection('alarms');
    this.#alarms = new Alarms(clock, context.settings.alarms, (alarm) => this.#raise(alarm));
    this.#alarmRhythm = new Rhythm(clock, () => this.#alarms.look({ ...machine.read(), isStoreFull: this.#disk.isFull }));
    this.reload(context.settings);
  }

  /** Alarms that go on, and those of the last day that are over. */
  alarms(): { readonly active: readonly Alarm[]; readonly history: readonly Alarm[] } {
    const { active, history } = this.#alarms;
    return { active, history };
  }

  samples(): FeatureSample[] {
    const active = new Set(this.#alarms.active.map(({ name }) => name));
    return alarmNames.map((name) => ({ name: 'wrenmq_alarms_active', value: Number(active.has(name)), labels: { kind: name } }));
  }

  reload({ intervalSeconds, nodeIntervalSeconds, heartbeatIntervalSeconds, events, alarms }: SysSettings): void {
    if (this.#brokerRhythm.set(intervalSeconds)) {
      if (intervalSeconds !== null) this.#publishChanges();
      else {
        this.#end(this.#published.keys());
        this.#published.clear();
      }
    }
    if (this.#figuresRhythm.set(nodeIntervalSeconds)) {
      if (nodeIntervalSeconds !== null) this.#publishFigures();
      else {
        this.#end(this.#figures);
        this.#figures.clear();
      }
    }
    this.#heartbeat.set(heartbeatIntervalSeconds);
    this.#events.reload(events);
    this.#alarms.limits = alarms;
    this.#alarmRhythm.set(alarms.intervalSeconds);
  }

  stop(): void {
    for (const rhythm of [this.#brokerRhythm, this.#figuresRhythm, this.#heartbeat, this.#alarmRhythm]) rhythm.set(null);
    this.#events.stop();
  }

  #publishChanges(): void {
    for (const [topic, value] of this.#broker.values(this.#sample())) {
      if (this.#published.get(topic) === value) continue;
      this.#published.set(topic, value);
      this.#context.publishValue({ topic, payload: value });
    }
  }

  /** All of them each time: who draws a curve needs a point also where nothing changed. Groups that are gone have no figures. */
  #publishFigures(): void {
    const gone = new Set(this.#figures);
    for (const [topic, value] of this.#node.figures(this.#sample())) {
      gone.delete(topic);
      this.#figures.add(topic);
      this.#context.publishValue({ topic, payload: value });
    }
    this.#end(gone);
    for (const topic of gone) this.#figures.delete(topic);
  }

  /** Not kept: an old time of day is worth nothing to anybody. */
  #beat(): void {
    for (const [topic, value] of this.#node.heartbeat(this.#sample())) this.#context.announce(topic, value);
  }

  #raise(alarm: Alarm): void {
    const { name, message, details, deactivatedAtMs } = alarm;
    const { log } = this.#context;
    if (deactivatedAtMs === null) log.warn({ alarm: name, details }, `alarm: ${message}`);
    else log.info({ alarm: name }, 'the alarm is over');
    this.#context.announce(`${this.#node.own}/alarms/${deactivatedAtMs === null ? 'activate' : 'deactivate'}`, alarmJson(alarm));
  }

  /** So that nobody reads an old value. */
  #end(topics: Iterable<string>): void {
    for (const topic of topics) this.#context.publishValue({ topic, payload: '' });
  }

  #sample(): Sample {
    const { clock, counters } = this.#context;
    const { heapUsed, external } = process.memoryUsage();
    return {
      uptimeMs: clock.monotonicMs() - this.#startedMs,
      wallMs: clock.wallMs(),
      counters,
      statistics: this.#context.statistics(),
      sharedGroups: this.#context.sharedGroups(),
      heapBytes: heapUsed + external,
    };
  }
}

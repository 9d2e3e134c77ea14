import type { Publish, WireTarget } from '@wrenmq/testkit';
import { MqttSession, type MqttSessionOptions } from './mqtt-session.ts';
import type { Scene } from './scene.ts';
import { SessionOracle } from './session-oracle.ts';

export interface LoadSubscriberOptions extends MqttSessionOptions {
  readonly filter: string;
  readonly qos: 1 | 2;
  /** Under which name the oracle knows whoever gets the messages of `filter`; the client when absent. */
  readonly group?: string;
  /** Filters that it subscribes to and unsubscribes from at random. */
  readonly churn?: readonly string[];
  /** The probability with which it takes part in a round. */
  readonly attendance?: number;
}

/** A durable subscriber. */
export class LoadSubscriber {
  readonly name: string;
  readonly options: LoadSubscriberOptions;
  readonly #scene: Scene;
  readonly #session: MqttSession;
  readonly #presence: SessionOracle;
  readonly #receiver: string;
  /** Filters with a SUBACK, and those that were asked for. */
  readonly #wanted = new Map<string, boolean>();
  #hasSubscribed = false;
  #onProgress: (() => void)[] = [];
  #isChurning = false;

  constructor(scene: Scene, options: LoadSubscriberOptions) {
    this.#scene = scene;
    this.options = options;
    this.name = options.clientId;
    this.#receiver = options.group ?? this.name;
    this.#presence = new SessionOracle(this.name, (options.expirySeconds ?? 0) * 1000, scene.problems);
    this.#session = new MqttSession(options, {
      onMessage: (packet) => this.#delivered(packet),
      onSending: () => {},
      onAcknowledged: () => {},
      onRefused: () => {},
      onFinished: () => {},
      onClosed: () => this.#closed(),
    });
  }

  get isConnected(): boolean {
    return this.#session.isConnected;
  }

  get receiver(): string {
    return this.#receiver;
  }

  async join(target: WireTarget): Promise<void> {
    const { deliveries } = this.#scene;
    this.#presence.connecting(this.#scene.nowMs);
    const isPresent = await this.#session.connect(target, false, (isThere) => {
      const isRight = this.#presence.connected(isThere, this.#scene.nowMs);
      this.#scene.note(`${this.name} connected, session present ${Number(isThere)}`);
      deliveries.reconnected(this.#receiver);
      if (isThere) deliveries.sessionSurvived(this.#receiver);
      else if (!isRight) deliveries.sessionLost(this.#receiver);
      else if (this.options.group === undefined) deliveries.sessionEnded(this.#receiver);
      if (!isThere) this.#forgetSubscriptions();
    });
    if (isPresent === null) return;
    if (!this.#hasSubscribed) await this.#subscribe(this.options.filter);
    if (this.options.churn !== undefined && !this.#isChurning) void this.#churn(this.options.churn);
  }

  cut(): void {
    this.#session.cut();
  }

  /** The broker was killed at this time, and knows of the lost connection `untilMs`; Infinity: not yet. */
  fell(atMs: number, untilMs: number): void {
    this.#presence.disconnected(atMs, untilMs);
  }

  /** Resolves when a message came or the connection has ended. */
  whenProgress(): Promise<void> {
    if (!this.isConnected) return Promise.resolve();
    return new Promise((resolve) => this.#onProgress.push(resolve));
  }

  #delivered(packet: Publish): void {
    this.#scene.deliveries.delivered(this.#receiver, packet);
    this.#tellProgress();
  }

  #closed(): void {
    const { nowMs, isFalling } = this.#scene;
    // When the client cut the connection, the broker hears of it at once; a killed broker does when it is back.
    this.#presence.disconnected(nowMs, isFalling ? Infinity : nowMs);
    if (this.options.expirySeconds !== Infinity) this.#scene.deliveries.sessionMayEnd(this.#receiver);
    this.#tellProgress();
  }

  #tellProgress(): void {
    for (const resolve of this.#onProgress.splice(0)) resolve();
  }

  #forgetSubscriptions(): void {
    this.#hasSubscribed = false;
    this.#wanted.clear();
  }

  async #subscribe(filter: string): Promise<void> {
    const { qos, group } = this.options;
    const text = group === undefined ? filter : `$share/${group}/${filter}`;
    this.#scene.deliveries.subscribing(this.#receiver, filter, qos, group !== undefined);
    const code = await this.#session.subscribe(text, qos);
    if (code === null) return;
    if (code !== qos) {
      this.#scene.problems.add('broker', `SUBACK of ${this.name} for ${filter} is ${code}`);
      return;
    }
    this.#scene.deliveries.subscribed(this.#receiver, filter);
    if (filter === this.options.filter) this.#hasSubscribed = true;
    this.#scene.note(`${this.name} subscribed to ${filter}`);
  }

  async #unsubscribe(filter: string): Promise<void> {
    this.#scene.deliveries.unsubscribing(this.#receiver, filter);
    if (!(await this.#session.unsubscribe(filter))) return;
    this.#scene.deliveries.unsubscribed(this.#receiver, filter);
    this.#scene.note(`${this.name} unsubscribed from ${filter}`);
  }

  /** Changes its mind again and again while it is connected, one filter at a time. */
  async #churn(filters: readonly string[]): Promise<void> {
    this.#isChurning = true;
    for (let changes = this.#scene.integer(0, 12); changes > 0 && this.isConnected; changes -= 1) {
      const filter = this.#scene.pick(filters);
      const isWanted = this.#wanted.get(filter) === true;
      this.#wanted.set(filter, !isWanted);
      await (isWanted ? this.#unsubscribe(filter) : this.#subscribe(filter));
    }
    this.#isChurning = false;
  }
}

import type { WireTarget } from '@wrenmq/testkit';
import { MqttSession, type MqttSessionOptions } from './mqtt-session.ts';
import type { Scene } from './scene.ts';
import { SessionOracle } from './session-oracle.ts';

const noEvents = { onMessage() {}, onSending() {}, onAcknowledged() {}, onRefused() {}, onFinished() {} };

/** A client with a will and a session that never ends. */
export class WillClient {
  readonly name: string;
  readonly #scene: Scene;
  readonly #delaySeconds: number;
  readonly #session: MqttSession;
  #number = 0;
  /** The will of the last connection that had a CONNACK. */
  #current: string | null = null;
  #isLeaving = false;
  #closedAtMs = 0;

  constructor(scene: Scene, options: { readonly name: string; readonly version: 4 | 5; readonly delaySeconds: number }) {
    this.#scene = scene;
    this.name = options.name;
    this.#delaySeconds = options.delaySeconds;
    const session: MqttSessionOptions = { clientId: this.name, version: options.version, expirySeconds: Infinity };
    this.#session = new MqttSession(session, { ...noEvents, onClosed: () => this.#closed() });
  }

  get isConnected(): boolean {
    return this.#session.isConnected;
  }

  /** True when it must stay away, for its delayed will to be published. */
  get isWaiting(): boolean {
    return this.#delaySeconds > 0 && this.#delaySeconds < 10 && this.#current !== null && this.#scene.wills.missing.includes(this.#current);
  }

  async join(target: WireTarget): Promise<void> {
    const { wills, nowMs } = this.#scene;
    const before = this.#current;
    const returnsInTime = nowMs < this.#closedAtMs + this.#delaySeconds * 1000 - 1000;
    const isPending = before !== null && this.#delaySeconds > 10;
    this.#number += 1;
    const will = `${this.name}#${this.#number}`;
    wills.announced(will);
    // If CONNACK does not come, the broker may yet have carried the CONNECT out.
    if (isPending) wills.decided(before, 'open');
    this.#session.will = this.#willOf(will);
    await this.#session.connect(target, false, () => {
      this.#current = will;
      this.#isLeaving = false;
      if (isPending && returnsInTime) wills.decided(before, 'deleted');
    });
  }

  /** Cuts the connection or says goodbye. */
  leave(isPolite: boolean): void {
    if (!this.isConnected) return;
    this.#isLeaving = isPolite;
    if (isPolite) this.#session.disconnect();
    else this.#session.cut();
  }

  #willOf(will: string): MqttSession['will'] {
    const properties = this.#delaySeconds === 0 ? {} : { properties: { willDelayInterval: this.#delaySeconds } };
    return { topic: `will/${this.name}`, payload: will, qos: 2, ...properties };
  }

  #closed(): void {
    const { wills, nowMs, isFalling } = this.#scene;
    this.#closedAtMs = nowMs;
    if (this.#current === null || this.#session.isConnected) return;
    if (!this.#isLeaving) {
      // With a long delay it is decided when the client comes back.
      if (this.#delaySeconds < 10 && this.#wasLast()) wills.decided(this.#current, 'published');
    } else if (!isFalling) wills.decided(this.#current, 'deleted');
  }

  /** False when a later CONNECT was not answered: then nobody knows which of two wills stands. */
  #wasLast(): boolean {
    return this.#current === `${this.name}#${this.#number}`;
  }
}

/** A durable subscriber to all wills. */
export class WillWatcher {
  readonly #scene: Scene;
  readonly #session: MqttSession;
  readonly #presence: SessionOracle;
  #hasSubscribed = false;
  #onProgress: (() => void)[] = [];

  constructor(scene: Scene) {
    this.#scene = scene;
    this.#presence = new SessionOracle('will-watcher', Infinity, scene.problems);
    const options = { clientId: 'will-watcher', version: 5, expirySeconds: Infinity } as const;
    this.#session = new MqttSession(options, {
      ...noEvents,
      onMessage: (packet) => {
        scene.wills.published(packet.payload.toString());
        this.#tellProgress();
      },
      onClosed: () => this.#tellProgress(),
    });
  }

  async join(target: WireTarget): Promise<void> {
    this.#presence.connecting(this.#scene.nowMs);
    const isPresent = await this.#session.connect(target, false, (isThere) => {
      this.#presence.connected(isThere, this.#scene.nowMs);
      if (!isThere) this.#hasSubscribed = false;
    });
    if (isPresent === null || this.#hasSubscribed) return;
    this.#hasSubscribed = (await this.#session.subscribe('will/#', 2)) === 2;
  }

  get isConnected(): boolean {
    return this.#session.isConnected;
  }

  whenProgress(): Promise<void> {
    if (!this.#session.isConnected) return Promise.resolve();
    return new Promise((resolve) => this.#onProgress.push(resolve));
  }

  #tellProgress(): void {
    for (const resolve of this.#onProgress.splice(0)) resolve();
  }
}

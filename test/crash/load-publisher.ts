import type { WireTarget } from '@wrenmq/testkit';
import { loadMessage, payloadBytes, type LoadMessage } from './load-message.ts';
import { MqttSession, type MqttSessionOptions } from './mqtt-session.ts';
import type { Scene } from './scene.ts';
import { SessionOracle } from './session-oracle.ts';

export interface LoadPublisherOptions extends MqttSessionOptions {
  /** PUBLISH packets under way at a time. */
  readonly window: number;
  readonly topics: readonly string[];
  readonly qualities: readonly (1 | 2)[];
  /** Told of every message before it is sent. */
  readonly onMade?: (message: LoadMessage) => void;
}

/** Publishes without a pause what its window and its budget allow. */
export class LoadPublisher {
  readonly name: string;
  /** Told of every refused PUBLISH. */
  onRefused: ((message: LoadMessage, reasonCode: number) => void) | null = null;
  readonly #scene: Scene;
  readonly #options: LoadPublisherOptions;
  readonly #session: MqttSession;
  readonly #presence: SessionOracle;
  readonly #messages = new Map<string, LoadMessage>();
  #sequence = 0;
  #budget = 0;
  #onQuiet: (() => void)[] = [];

  constructor(scene: Scene, options: LoadPublisherOptions) {
    this.#scene = scene;
    this.#options = options;
    this.name = options.clientId;
    this.#presence = new SessionOracle(this.name, Infinity, scene.problems);
    this.#session = new MqttSession(options, {
      onMessage: () => scene.problems.add('garbled', `${this.name} publishes only and got a message`),
      onSending: (key) => scene.deliveries.sent(this.#messages.get(key)!),
      onAcknowledged: (key) => {
        scene.deliveries.acknowledgedBy(key);
        this.#messages.delete(key);
      },
      onRefused: (key, reasonCode) => this.#refused(key, reasonCode),
      onFinished: () => this.#pump(),
      onClosed: () => this.#tellQuiet(),
    });
  }

  get isConnected(): boolean {
    return this.#session.isConnected;
  }

  get isQuiet(): boolean {
    return this.#budget === 0 && this.#session.unfinished === 0;
  }

  async join(target: WireTarget): Promise<void> {
    const isDurable = this.#options.expirySeconds !== null;
    this.#presence.connecting(this.#scene.nowMs);
    await this.#session.connect(target, !isDurable, (isPresent) => {
      if (isDurable) this.#presence.connected(isPresent, this.#scene.nowMs);
      else if (isPresent) this.#scene.problems.add('session', `${this.name}: session present after a clean start`);
    });
    this.#pump();
  }

  /** Publishes so many messages, as fast as they are acknowledged. */
  give(budget: number): void {
    this.#budget = budget;
    if (this.isConnected) this.#pump();
  }

  /** Resolves when everything is published and acknowledged, or the connection has ended. */
  whenQuiet(): Promise<void> {
    if (this.isQuiet || !this.isConnected) return Promise.resolve();
    return new Promise((resolve) => this.#onQuiet.push(resolve));
  }

  cut(): void {
    this.#session.cut();
  }

  /** Publishes one message now and returns its id. */
  publish(topic: string, qos: 1 | 2, bytes = payloadBytes(this.#scene.random)): string {
    this.#sequence += 1;
    const message = loadMessage({ publisher: this.name, sequence: this.#sequence, topic, qos, bytes });
    this.#messages.set(message.id, message);
    this.#options.onMade?.(message);
    this.#session.publish({ key: message.id, ...message });
    return message.id;
  }

  #pump(): void {
    while (this.#budget > 0 && this.isConnected && this.#session.unfinished < this.#options.window) {
      this.#budget -= 1;
      this.publish(this.#scene.pick(this.#options.topics), this.#scene.pick(this.#options.qualities));
    }
    if (this.isQuiet) this.#tellQuiet();
  }

  #refused(key: string, reasonCode: number): void {
    const message = this.#messages.get(key)!;
    this.#messages.delete(key);
    if (this.onRefused === null) this.#scene.problems.add('broker', `${key} was refused with ${reasonCode}`);
    else this.onRefused(message, reasonCode);
  }

  #tellQuiet(): void {
    for (const resolve of this.#onQuiet.splice(0)) resolve();
  }
}

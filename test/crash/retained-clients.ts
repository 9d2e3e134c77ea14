import { SubscriptionWatch } from './subscription-watch.ts';
import type { WireTarget } from '@wrenmq/testkit';
import { MqttSession } from './mqtt-session.ts';
import type { Scene } from './scene.ts';
import { SessionOracle } from './session-oracle.ts';

const TOPICS = 40;
const CLEARS = 0.3;
/** Sorts and is set last, and is never changed: who has it has the others. */
const SENTINEL = 'retained/~';

/** Sets and clears retained messages. */
export class RetainedPublisher {
  readonly name = 'retained-publisher';
  readonly #scene: Scene;
  readonly #session: MqttSession;
  readonly #presence: SessionOracle;
  readonly #changes = new Map<string, { readonly topic: string; readonly value: string | null }>();
  #number = 0;
  #budget = 0;
  #onQuiet: (() => void)[] = [];

  constructor(scene: Scene) {
    this.#scene = scene;
    this.#presence = new SessionOracle(this.name, Infinity, scene.problems);
    const options = { clientId: this.name, version: 5, expirySeconds: Infinity } as const;
    this.#session = new MqttSession(options, {
      onMessage: () => {},
      onSending: () => {},
      onAcknowledged: (key) => this.#acknowledged(key),
      onRefused: (key, reasonCode) => scene.problems.add('broker', `retained ${key} was refused with ${reasonCode}`),
      onFinished: () => this.#pump(),
      onClosed: () => this.#tellQuiet(),
    });
  }

  get isQuiet(): boolean {
    return this.#budget === 0 && this.#session.unfinished === 0;
  }

  async join(target: WireTarget): Promise<void> {
    this.#presence.connecting(this.#scene.nowMs);
    await this.#session.connect(target, false, (isPresent) => this.#presence.connected(isPresent, this.#scene.nowMs));
    this.#pump();
  }

  give(budget: number): void {
    this.#budget = budget;
    this.#pump();
  }

  whenQuiet(): Promise<void> {
    if (this.isQuiet || !this.#session.isConnected) return Promise.resolve();
    return new Promise((resolve) => this.#onQuiet.push(resolve));
  }

  #pump(): void {
    while (this.#budget > 0 && this.#session.isConnected && this.#session.unfinished < 10) {
      this.#budget -= 1;
      this.#change();
    }
    if (this.isQuiet) this.#tellQuiet();
  }

  #change(): void {
    const { retained, random } = this.#scene;
    this.#number += 1;
    const key = `${this.#number}`;
    const isFirst = this.#number === 1;
    const place = this.#scene.integer(0, TOPICS - 1);
    const topic = isFirst ? SENTINEL : `retained/${place}`;
    // One QoS for each topic: only within a QoS is there an order.
    const qos = place % 2 === 0 ? 1 : 2;
    const value = !isFirst && this.#scene.chance(CLEARS) ? null : `${key} ${'.'.repeat(Math.floor(random() * 200))}`;
    this.#changes.set(key, { topic, value });
    retained.sent(topic, value);
    this.#session.publish({ key, topic, payload: Buffer.from(value ?? ''), qos, retain: true });
  }

  #acknowledged(key: string): void {
    const { topic, value } = this.#changes.get(key)!;
    this.#changes.delete(key);
    this.#scene.retained.acknowledged(topic, value);
  }

  #tellQuiet(): void {
    for (const resolve of this.#onQuiet.splice(0)) resolve();
  }
}

/** Asks as a new subscriber what is retained, and judges it; null when the connection ended before. Nobody may publish meanwhile. */
export async function checkRetained(scene: Scene, target: WireTarget): Promise<boolean> {
  const expected = [...scene.retained.topics].filter((topic) => scene.retained.mustHold(topic));
  if (!expected.includes(SENTINEL)) return false;
  const watch = await SubscriptionWatch.open(target, 'retained/#');
  if (watch === null) return false;
  const isComplete = await watch.until((found) => expected.every((topic) => found.has(topic)), scene.patienceMs);
  // What should not be there would have come with the rest.
  const isAlive = await watch.roundTrip();
  watch.close();
  if (isComplete && !isAlive) return false;
  if (!isComplete && scene.isFalling) return false;
  scene.retained.check(watch.found);
  return true;
}

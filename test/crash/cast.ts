import type { WireTarget } from '@wrenmq/testkit';
import { LoadPublisher } from './load-publisher.ts';
import { LoadSubscriber, type LoadSubscriberOptions } from './load-subscriber.ts';
import { checkRetained, RetainedPublisher } from './retained-clients.ts';
import type { Scene } from './scene.ts';
import { WillClient, WillWatcher } from './will-clients.ts';

const CHURN = ['churn/a', 'churn/b', 'churn/c', 'churn/d', 'churn/e'];
/** Where every subscriber listens that must get everything. */
const LOAD = 'load/#';
const SHARED = 'shared/#';

/** All clients of a run: every kind of session, subscription and publisher that the broker keeps promises to. */
export class Cast {
  readonly publishers: readonly LoadPublisher[];
  readonly subscribers: readonly LoadSubscriber[];
  readonly retained: RetainedPublisher;
  readonly wills: readonly WillClient[];
  readonly watcher: WillWatcher;
  readonly #scene: Scene;

  constructor(scene: Scene) {
    this.#scene = scene;
    this.publishers = makePublishers(scene);
    this.subscribers = makeSubscribers(scene);
    this.retained = new RetainedPublisher(scene);
    this.watcher = new WillWatcher(scene);
    this.wills = [
      new WillClient(scene, { name: 'will-at-once', version: 4, delaySeconds: 0 }),
      new WillClient(scene, { name: 'will-soon', version: 5, delaySeconds: 1 }),
      new WillClient(scene, { name: 'will-late', version: 5, delaySeconds: 600 }),
    ];
  }

  /** Before the first fault every subscription is made. */
  async enter(target: WireTarget): Promise<void> {
    await this.watcher.join(target);
    for (const subscriber of this.subscribers) await subscriber.join(target);
    await this.retained.join(target);
    this.retained.give(60);
    await this.retained.whenQuiet();
  }

  /** One round: everyone connects and does what it does, until the broker is gone. */
  async play(target: WireTarget): Promise<void> {
    const { random } = this.#scene;
    await checkRetained(this.#scene, target);
    const joining: Promise<void>[] = [this.watcher.join(target), this.retained.join(target)];
    this.retained.give(this.#scene.integer(0, 80));
    for (const subscriber of this.subscribers) {
      if (!subscriber.isConnected && random() < (subscriber.options.attendance ?? 1)) joining.push(subscriber.join(target));
    }
    for (const publisher of this.publishers) {
      publisher.give(this.#scene.integer(20, 300));
      joining.push(publisher.join(target));
    }
    for (const will of this.wills) if (!will.isWaiting && random() < 0.7) joining.push(will.join(target));
    await Promise.all(joining);
    this.#mischief(target);
  }

  /** Some connections break or end while the broker lives. */
  #mischief(target: WireTarget): void {
    for (const subscriber of this.subscribers) {
      if (!this.#scene.chance(0.15)) continue;
      subscriber.cut();
      if (subscriber.options.expirySeconds === Infinity) void subscriber.join(target);
    }
    for (const publisher of this.publishers) {
      if (!this.#scene.chance(0.1)) continue;
      publisher.cut();
      void publisher.join(target);
    }
    for (const will of this.wills) if (this.#scene.chance(0.3)) will.leave(this.#scene.chance(0.5));
  }

  /** The broker was told to end: whoever is connected knows from when on. */
  fell(atMs: number, untilMs: number): void {
    for (const subscriber of this.subscribers) subscriber.fell(atMs, untilMs);
  }

  /** The last act: everyone comes, everything that is owed arrives. */
  async leave(target: WireTarget, timeoutMs: number): Promise<void> {
    for (const publisher of this.publishers) publisher.give(0);
    this.retained.give(0);
    await Promise.all([...this.publishers, ...this.subscribers, this.retained, this.watcher].map((client) => client.join(target)));
    const deadline = new Promise<void>((resolve) => setTimeout(resolve, timeoutMs).unref());
    await Promise.race([deadline, Promise.all([...this.publishers, this.retained].map((client) => client.whenQuiet()))]);
    const drained = this.subscribers.map(async (subscriber) => {
      while (subscriber.isConnected && this.#scene.deliveries.owedTo(subscriber.receiver).size > 0) await subscriber.whenProgress();
    });
    await Promise.race([deadline, Promise.all(drained)]);
    await Promise.race([deadline, this.#willsArrive()]);
    await checkRetained(this.#scene, target);
    const quiet = [...this.publishers, this.retained].every((client) => client.isQuiet);
    if (!quiet) this.#scene.problems.add('broker', 'publishers got no acknowledgements in the end');
  }

  async #willsArrive(): Promise<void> {
    while (this.watcher.isConnected && this.#scene.wills.missing.length > 0) await this.watcher.whenProgress();
  }
}

function makePublishers(scene: Scene): LoadPublisher[] {
  const topics = (name: string): string[] => [`load/${name}`, `load/${name}`, `load/${name}`, `shared/${name}`, ...CHURN];
  const publisher = (clientId: string, version: 4 | 5, expirySeconds: number | null, window: number): LoadPublisher =>
    new LoadPublisher(scene, { clientId, version, expirySeconds, window, topics: topics(clientId), qualities: [1, 2] });
  return [
    publisher('durable-4', 4, Infinity, scene.integer(1, 50)),
    publisher('durable-5', 5, Infinity, scene.integer(1, 50)),
    publisher('clean-4', 4, null, scene.integer(1, 50)),
    publisher('clean-5', 5, null, scene.integer(1, 50)),
    publisher('one-by-one', 5, Infinity, 1),
  ];
}

function makeSubscribers(scene: Scene): LoadSubscriber[] {
  const subscriber = (clientId: string, options: Partial<LoadSubscriberOptions>): LoadSubscriber =>
    new LoadSubscriber(scene, { clientId, version: 5, expirySeconds: Infinity, filter: LOAD, qos: 2, ...options });
  return [
    subscriber('online-1', { qos: 1, acknowledgementLag: 5 }),
    subscriber('online-2', { version: 4, acknowledgementLag: 20 }),
    subscriber('narrow', { receiveMaximum: 3 }),
    subscriber('offline-1', { version: 4, qos: 1, attendance: 0.25 }),
    subscriber('offline-2', { attendance: 0.25 }),
    subscriber('absent', { attendance: 0 }),
    subscriber('churner', { filter: 'churner/#', churn: CHURN }),
    subscriber('expiring', { expirySeconds: 2, qos: 1, attendance: 0.5 }),
    subscriber('member-1', { filter: SHARED, group: 'group' }),
    subscriber('member-2', { filter: SHARED, group: 'group', qos: 2, version: 4 }),
    subscriber('member-3', { filter: SHARED, group: 'group', attendance: 0.3, acknowledgementLag: 10 }),
  ];
}

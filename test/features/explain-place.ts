import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Broker, ExplainQuestion, Finding, FindingKind } from '@wrenmq/broker';
import { type FakeClock, LaunchedProcess } from '@wrenmq/testkit';
import { type Embedded, embed } from '#root/test/embedding/start.ts';
import { run, Subscriber } from '#root/test/interop/interop.ts';

export interface Place extends Embedded {
  /** mosquitto_pub to this broker. */
  readonly publish: (topic: string, ...more: readonly string[]) => Promise<unknown>;
  /** mosquitto_sub, as client c. */
  readonly subscriber: (...more: readonly string[]) => Promise<Subscriber>;
}

/** A broker in this process, which can be asked, and the programs of mosquitto. */
export async function place(t: TestContext, settings: object = {}, clock?: FakeClock): Promise<Place> {
  const embedded = await embed(t, { settings, ...(clock === undefined ? {} : { clock }) });
  const at = ['-h', '127.0.0.1', '-p', `${embedded.target.port}`];
  return {
    ...embedded,
    publish: (topic, ...more) => {
      const payload = more.includes('-m') || more.includes('-n') ? [] : ['-m', 'payload'];
      return run('mosquitto_pub', [...at, '-i', 'publisher', '-t', topic, ...payload, ...more]);
    },
    subscriber: (...more) => Subscriber.start(t, [...at, '-i', 'c', ...more]),
  };
}

export type FindingOf<Kind extends FindingKind> = Finding & { readonly kind: Kind };

/** The first finding, which must be of this kind; of client c and topic t unless the question says otherwise. */
export async function found<Kind extends FindingKind>(
  broker: Broker,
  kind: Kind,
  question: Partial<ExplainQuestion> = {},
): Promise<FindingOf<Kind>> {
  const { findings, summary } = await broker.explain({ clientId: 'c', topic: 't', ...question });
  const [first] = findings;
  assert.equal(first.kind, kind, summary);
  assert.ok(summary.startsWith(first.text));
  assert.match(first.text, /^[A-Z0-9].*[.]$/);
  return first as FindingOf<Kind>;
}

/** What is found, in order. */
export async function kindsOf(broker: Broker, question: Partial<ExplainQuestion> = {}): Promise<string[]> {
  const { findings } = await broker.explain({ clientId: 'c', topic: 't', ...question });
  return findings.map(({ kind, topic }) => `${kind} ${topic}`);
}

export function connected(broker: Broker): number {
  const { sessions, sessionsDisconnected } = broker.statistics();
  return sessions - sessionsDisconnected;
}

/** Ends a client without a DISCONNECT, and waits until the broker has seen that. */
export async function gone(broker: Broker, client: { kill: () => Promise<unknown> }): Promise<void> {
  const before = connected(broker);
  await client.kill();
  await until(() => connected(broker) < before);
}

export async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise(setImmediate);
}

export interface PahoWish {
  readonly clientId: string;
  readonly filter: string;
  readonly qos?: 0 | 1 | 2;
  readonly noLocal?: boolean;
  readonly receiveMaximum?: number;
  /** It never acknowledges what comes. */
  readonly isStuck?: boolean;
  /** Topics that it publishes to, when its subscription stands. */
  readonly publishes?: readonly string[];
}

/** paho with MQTT 5 and a session of an hour; its subscription stands. */
export class Paho {
  readonly #heard: string[] = [];
  readonly #waiting = new Map<string, () => void>();
  #process!: LaunchedProcess;

  static async start(t: TestContext, port: number, wish: PahoWish): Promise<Paho> {
    const client = new Paho();
    client.#process = await LaunchedProcess.launch({
      command: '/usr/bin/python3',
      args: ['-B', join(import.meta.dirname, 'explain-client.py'), String(port), JSON.stringify(wish)],
      isReady: (line) => {
        if (!line.startsWith('{')) return false;
        const { event } = JSON.parse(line) as { event: string };
        client.#heard.push(event);
        client.#waiting.get(event)?.();
        return event === 'subscribe';
      },
    });
    t.after(() => client.#process.kill());
    return client;
  }

  /** Until it has said this once. */
  async heard(event: 'message' | 'published'): Promise<void> {
    if (!this.#heard.includes(event)) await new Promise<void>((resolve) => this.#waiting.set(event, resolve));
  }

  kill(): Promise<unknown> {
    return this.#process.kill('SIGKILL');
  }
}

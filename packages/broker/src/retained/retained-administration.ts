import type { PublishProperties } from '@wrenmq/codec';
import { NEVER, type QoS } from '#message/message.ts';
import type { Committer } from '#store/committer.ts';
import type { PastMessage } from './history-walk.ts';
import type { Retained } from './retained.ts';

/** What is retained of a topic, without its payload. */
export interface RetainedMessage {
  readonly topic: string;
  readonly qos: QoS;
  readonly payloadBytes: number;
  /** When the broker got it, milliseconds since 1970. */
  readonly publishedAtMs: number;
  /** The client that published it, or the part of the house. */
  readonly clientId: string;
  /** Null when there was none, or it is not known any more. */
  readonly username: string | null;
  /** Milliseconds since 1970; null: it does not expire. */
  readonly expiresAtMs: number | null;
}

export interface RetainedMessageWithPayload extends RetainedMessage {
  readonly payload: Buffer;
  readonly properties: PublishProperties;
}

/** A few topics in the order of their levels. */
export interface RetainedPage {
  readonly messages: readonly RetainedMessage[];
  /** What to ask for next; null at the end. */
  readonly next: string | null;
}

const LIST_MAX = 1000;
const PAGE_MESSAGES = 64;

/** What administrators may ask of the retained messages. */
export class RetainedAdministration {
  readonly #retained: Retained;
  readonly #committer: Committer;

  constructor(retained: Retained, committer: Committer) {
    this.#retained = retained;
    this.#committer = committer;
  }

  /** What is retained for the topics that a filter matches, at most 1000 of them; `after`: the last topic that is known. */
  async list(filter = '#', limit = 100, after: string | null = null): Promise<RetainedPage> {
    const max = Math.min(limit, LIST_MAX);
    const cursor = this.#retained.read(filter, false);
    if (after !== null) cursor.skipPast(after);
    const messages: RetainedMessage[] = [];
    let last: string | null = null;
    while (messages.length < max && !cursor.isDone) {
      for (const { topic } of await cursor.next(Math.min(PAGE_MESSAGES, max - messages.length))) {
        const found = await this.#retained.find(topic);
        if (found !== null) messages.push(describe(found));
        last = topic;
      }
    }
    return { messages, next: cursor.isDone ? null : last };
  }

  /** What is retained of a topic, with payload and properties; null when there is nothing. */
  async get(topic: string): Promise<RetainedMessageWithPayload | null> {
    const found = await this.#retained.find(topic);
    return found === null ? null : describeWithPayload(found);
  }

  /** The last messages of a topic, the oldest first, the retained one last: one or none, unless the topic has a history. */
  async history(topic: string): Promise<RetainedMessageWithPayload[]> {
    const found = await this.#retained.find(topic);
    if (found === null) return [];
    const rule = this.#retained.history.ruleOf(topic);
    const past = rule === null ? [] : await this.#retained.history.read(topic, rule, found.sequence);
    return [...past, found].map(describeWithPayload);
  }

  /** Clears a topic, for good when it resolves; false when nothing was retained. Rejects as `deleteMatching` does. */
  async delete(topic: string): Promise<boolean> {
    if ((await this.#retained.find(topic)) === null) return false;
    this.#retained.delete(topic);
    await this.#cleared();
    return true;
  }

  /**
   * Clears the topics that a filter matches, and that have been set before it was called; tells how many. Page by page, each of them
   * on disk before the next is read. Nobody who is subscribed hears of it. Rejects with OperationalError `store.full` when the disk
   * did not take a page, which is tried again until it does; what comes behind it is left.
   */
  async deleteMatching(filter: string): Promise<number> {
    const cursor = this.#retained.read(filter, false);
    let cleared = 0;
    while (!cursor.isDone) {
      const messages = await cursor.next(PAGE_MESSAGES);
      for (const { topic } of messages) this.#retained.delete(topic);
      if (messages.length > 0) await this.#cleared();
      cleared += messages.length;
    }
    return cleared;
  }

  async #cleared(): Promise<void> {
    const error = await this.#committer.durable();
    if (error !== null) throw error;
  }
}

function describe({ message, username }: PastMessage): RetainedMessage {
  const { topic, qos, payloadBytes, receivedAtMs, publisher, expiresAtMs } = message;
  return {
    topic,
    qos,
    payloadBytes,
    publishedAtMs: receivedAtMs,
    clientId: publisher,
    username,
    expiresAtMs: expiresAtMs === NEVER ? null : expiresAtMs,
  };
}

function describeWithPayload(past: PastMessage): RetainedMessageWithPayload {
  const { payload, properties } = past.message;
  return { ...describe(past), payload: Buffer.from(payload), properties };
}

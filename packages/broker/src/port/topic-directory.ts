// HOT
import { decodeUtf8 } from '@wrenmq/codec';
import type { Route } from '#publish/route.ts';
import type { Router } from '#publish/router.ts';
import { topicNameError } from '#topic/topic-name.ts';
import type { Capabilities } from './capabilities.ts';

/** Topic names are remembered as long as there are at most so many. */
const TOPICS_MAX = 16_384;
/** A longer name is decoded each time. */
const REMEMBERED_BYTES_MAX = 256;

/** A topic name that was seen before: its bytes, its text, what is wrong with it, and its receivers. */
export class KnownTopic {
  readonly bytes: Buffer;
  readonly name: string;
  /** Why the name is not allowed, or null. */
  readonly error: string | null;
  #route: Route;
  readonly #router: Router;

  constructor(bytes: Buffer, name: string, error: string | null, router: Router) {
    this.bytes = bytes;
    this.name = name;
    this.error = error;
    this.#router = router;
    this.#route = router.route(error === null ? name : '');
  }

  get route(): Route {
    if (!this.#route.isCurrent) this.#route = this.#router.route(this.name);
    return this.#route;
  }

  /** PERF: bench rows of one pair; most publishers repeat their topic, and a compare is cheaper than a string. */
  equals(bytes: Buffer, start: number, end: number): boolean {
    const own = this.bytes;
    const length = end - start;
    if (own.length !== length) return false;
    for (let i = 0; i < length; i += 1) if (own[i] !== bytes[start + i]) return false;
    return true;
  }
}

/** Looks topic names up by their bytes, so that the names in use are checked and decoded once. */
export class TopicDirectory {
  readonly #router: Router;
  readonly #capabilities: Capabilities;
  #topics = new Map<string, KnownTopic>();

  constructor(router: Router, capabilities: Capabilities) {
    this.#router = router;
    this.#capabilities = capabilities;
  }

  /** The topic at `bytes[start..end)`. Throws ProtocolError 0x81 when it is not UTF-8 [MQTT-1.5.4-1]. */
  lookUp(bytes: Buffer, start: number, end: number): KnownTopic {
    if (end - start > REMEMBERED_BYTES_MAX) return this.#read(bytes, start, end);
    const key = bytes.toString('latin1', start, end);
    let topic = this.#topics.get(key);
    if (topic === undefined) {
      topic = this.#read(bytes, start, end);
      if (this.#topics.size >= TOPICS_MAX) this.#topics = new Map();
      this.#topics.set(key, topic);
    }
    return topic;
  }

  #read(bytes: Buffer, start: number, end: number): KnownTopic {
    const name = decodeUtf8(bytes, start, end);
    const { topicLevelsMax, topicBytesMax } = this.#capabilities;
    return new KnownTopic(Buffer.from(bytes.subarray(start, end)), name, topicNameError(name, topicLevelsMax, topicBytesMax), this.#router);
  }
}

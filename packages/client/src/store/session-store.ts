/**
 * One step in the life of a session. A store keeps the steps and gives them back in order; it may leave out what later steps have made
 * void (an `out.put` after its `out.done`), nothing else.
 */
export type StoreOp =
  /** A message was queued. `packet` is a PUBLISH without packet identifier, in the store's own form; `expiresAt` is epoch ms. */
  | { readonly op: 'out.put'; readonly seq: bigint; readonly qos: 1 | 2; readonly packet: Uint8Array; readonly expiresAt?: number }
  /** It is about to be sent under this packet identifier. */
  | { readonly op: 'out.sent'; readonly seq: bigint; readonly packetId: number }
  /** PUBREC has come: the broker owns it, its bytes may be forgotten. */
  | { readonly op: 'out.rec'; readonly seq: bigint }
  /** PUBACK or PUBCOMP has come, or it was given up. */
  | { readonly op: 'out.done'; readonly seq: bigint }
  /** A QoS 2 message has come. */
  | { readonly op: 'in.put'; readonly packetId: number; readonly packet: Uint8Array }
  /** Its handler is done with it. */
  | { readonly op: 'in.handled'; readonly packetId: number }
  /** PUBREL has come: the packet identifier is free. */
  | { readonly op: 'in.free'; readonly packetId: number }
  /** A subscription that the broker has granted. `options` is the byte of SUBSCRIBE, `id` the subscription identifier (0: none). */
  | { readonly op: 'sub.put'; readonly filter: string; readonly options: number; readonly id: number }
  | { readonly op: 'sub.del'; readonly filter: string }
  /** The broker has made a new session, or has lost the old one: all sub.* and in.* before are void. */
  | { readonly op: 'session'; readonly state: 'new' | 'lost' };

/** Where a session lives on when its process ends. */
export interface SessionStore {
  /** False when a crash loses everything: then nothing is appended at all. */
  readonly isDurable: boolean;
  /**
   * A client id of the store's own, for a client that has no other: made at random once, kept, and the same from then on. Called once, before
   * `open`. A durable store that has none can only serve clients with a `clientId`. Rejects with MqttError STORE.
   */
  identify?(): Promise<string>;
  /**
   * Opens the session of this client id, exclusively, and replays its steps. Called once, before everything else.
   * Rejects with MqttError SESSION_LOCKED when another process or tab holds it, STORE when it cannot be read.
   * @returns `existed`: whether there was a session.
   */
  open(clientId: string): Promise<{ readonly ops: AsyncIterable<StoreOp>; readonly existed: boolean }>;
  /**
   * Resolves once the batch is durable. Batches are applied in call order, each whole or not at all; a batch that failed is not applied.
   * Rejects with MqttError QUEUE_FULL when the store's bound is reached (only a batch with an `out.put` or `in.put` can be refused so),
   * STORE when the disk fails.
   */
  append(ops: readonly StoreOp[]): Promise<void>;
  /** Resolves when everything appended is durable and the session is free for others. */
  close(): Promise<void>;
}

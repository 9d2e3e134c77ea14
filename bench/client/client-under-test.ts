import type { QoS } from '@wrenmq/codec';

export const PAYLOAD_BYTES = 64;

/** What both libraries are asked to do, each in the way that its own users would. */
export interface ClientUnderTest {
  /** Resolves when connected. */
  connect(port: number): Promise<void>;
  /** Sends one message; `onDone` when it is out (QoS 0) or acknowledged. */
  publish(topic: string, payload: Uint8Array, qos: QoS, onDone: () => void): void;
  /** Resolves when the subscription is granted. */
  subscribe(filter: string, qos: QoS, onMessage: () => void): Promise<void>;
}

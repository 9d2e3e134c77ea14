import { QueueCause } from '#explain/decision.ts';
import { type Delivery, Obstacle } from '#message/delivery.ts';

/** What became of a delivery that a sink was given. */
export const SendResult = { Sent: 0, TooLarge: 1, Busy: 2 } as const;
export type SendResult = (typeof SendResult)[keyof typeof SendResult];

/** What a session knows of whoever is connected to it: an MQTT connection or a gateway's channel. */
export interface Sink {
  /** How many PUBLISH at QoS 1 and 2 the client takes without acknowledging (its Receive Maximum). */
  readonly receiveMaximum: number;
  /** False while the client reads more slowly than it is sent to. */
  readonly isWritable: boolean;
  /**
   * Sends a PUBLISH; the delivery's bytes are copied before it returns. TooLarge: over the client's Maximum Packet
   * Size [MQTT-3.1.2-24]. Busy, at QoS 0 only: the client does not read what it was sent.
   */
  send(delivery: Delivery): SendResult;
  /** Sends PUBREL. */
  release(packetId: number): void;
  /** Ends the connection with a reason code of MQTT 5. */
  close(reasonCode: number): void;
}

/** What keeps a session from sending: a client that does not read, its full window, or what waits already. */
export function obstacleOf(sink: Sink | null, isWindowFull: boolean): Obstacle {
  if (sink?.isWritable === false) return Obstacle.Client;
  return isWindowFull ? Obstacle.Inflight : Obstacle.Queue;
}

/** What a delivery waits for that cannot be sent at once. */
export function queueCauseOf(sink: Sink | null, isWindowFull: boolean): QueueCause {
  if (sink === null) return QueueCause.Offline;
  if (!sink.isWritable) return QueueCause.NotReading;
  return isWindowFull ? QueueCause.Window : QueueCause.Others;
}

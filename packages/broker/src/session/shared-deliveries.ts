import type { Delivery, Redelivery } from '#message/delivery.ts';
import type { DurableQueue } from './durable-queue.ts';
import { OriginalOf } from './original-of.ts';
import type { Session } from './session.ts';

/*
 * What becomes of deliveries that a shared group gave to a durable session, when the session cannot finish them.
 */

/** True when another member may get it: at QoS 2 only what has never been sent [MQTT-4.8.2-4] [MQTT-4.8.2-5]. */
export function isMovable({ qos, isDuplicate }: Delivery): boolean {
  return qos === 1 || !isDuplicate;
}

/** The group itself, where a delivery remembers the message from before a hook. */
export function groupBehind<Group extends Redelivery | null>(group: Group): Redelivery | Group {
  return group instanceof OriginalOf ? group.group : group;
}

export function isMemberOfAny(session: Session): boolean {
  for (const { group } of session.state.subscriptions()) if (group !== null) return true;
  return false;
}

/** The client went away: the groups decide where that goes on what it has not acknowledged. */
export function loseUnfinished(session: Session, queue: DurableQueue): void {
  for (const delivery of session.inflight.inOrder()) {
    if (delivery.group === null || !isMovable(delivery)) continue;
    if (delivery.isDuplicate) delivery.failures += 1;
    if (delivery.group.lost(delivery.message, session, delivery.failures)) moveOut(session, queue, delivery);
    else if (queue.isStored(delivery)) queue.changed(delivery);
  }
}

/** The client stays away, and a group asks for what was sent there for it and is not finished. */
export async function giveBack(session: Session, queue: DurableQueue, group: Redelivery): Promise<void> {
  if (session.waiting > 0) await queue.prime();
  if (session.isConnected || session.isEnded) return;
  for (const delivery of session.inflight.inOrder()) {
    if (!isMovable(delivery) || groupBehind(delivery.group) !== group) continue;
    if (delivery.group!.redeliver(delivery.message, session, true, delivery.failures)) moveOut(session, queue, delivery);
  }
}

/** The session is over: what it held for a shared group is the group's, if anybody there takes it. */
export function bequeath(session: Session, { group, message, failures }: Delivery): void {
  if (group !== null && !group.redeliver(message, session, true, failures)) session.drop(message, 'no-member');
}

function moveOut(session: Session, queue: DurableQueue, delivery: Delivery): void {
  session.inflight.remove(delivery);
  queue.moved(delivery);
}

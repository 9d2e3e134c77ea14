import type { DurableQueue } from './durable-queue.ts';
import type { MemoryQueue } from './memory-queue.ts';
import type { Session } from './session.ts';
import { bequeath, isMemberOfAny, isMovable } from './shared-deliveries.ts';

/** What it holds of shared groups goes to other members, the rest is forgotten. */
export function endSession(session: Session, queue: DurableQueue | null, memory: MemoryQueue | null): void {
  const { house, inflight, state } = session;
  house.decisions?.closed(session, state.subscriptions());
  house.deadlines.cancel(session);
  for (const delivery of inflight.inOrder()) {
    // At QoS 2 what was sent belongs to this client alone [MQTT-4.8.2-5].
    if (isMovable(delivery)) bequeath(session, delivery);
    queue?.done(delivery);
  }
  if (inflight.size > 0) inflight.clear();
  for (let next = memory?.next() ?? null; next !== null; next = memory!.next()) bequeath(session, next);
  const isLeaving = isMemberOfAny(session) && queue?.isPartlyOnDisk === true;
  const purged = queue === null ? null : purge(session, queue);
  state.end(isLeaving);
  if (isLeaving) void purged!.then(() => state.forget());
}

/** Frees what waits on disk too. */
export function purge(session: Session, queue: DurableQueue): Promise<void> {
  return queue.purge((delivery) => bequeath(session, delivery));
}

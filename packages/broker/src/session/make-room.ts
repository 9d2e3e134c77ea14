// HOT
import type { Delivery } from '#message/delivery.ts';
import { exceedsBounds } from './exceeds-bounds.ts';
import type { Session } from './session.ts';

/** Applies the overflow policy; false when the new delivery is the one that is dropped. */
export function makeRoom(session: Session, delivery: Delivery): boolean {
  const { weight } = delivery.message;
  if (session.house.limits.overflow === 'drop-oldest') {
    trim(session, 1, weight);
    if (session.isDurable || !session.isFull(weight)) return true;
  }
  session.lose(delivery, 'queue-full');
  return false;
}

/** Drops the oldest that wait until there is room for so many more of this weight, as far as they are in memory. */
export function trim(session: Session, messages: number, weight: number): void {
  while (session.waiting > 0 && exceedsBounds(session, messages, weight)) {
    const oldest = session.takeNext();
    if (oldest === null) return;
    session.discard(oldest, 'queue-full');
  }
}

// HOT
import type { Session } from './session.ts';

/** True when the bounds leave no room for so many more messages of this weight together. */
export function exceedsBounds(session: Session, messages: number, weight: number): boolean {
  const { limits } = session.house;
  if (!session.isDurable && session.isReady) return false;
  const bytesMax = session.isDurable ? limits.queueBytesMax : limits.memoryQueueBytesMax;
  return session.queuedBytes + weight > bytesMax || session.waiting + messages > limits.queueMessagesMax;
}

import { handled } from '#base/deferred.ts';
import type { PublishResult } from '#message/message.ts';
import type { CallAnswer } from './incoming-call.ts';
import { aliveProperty, endProperty, sequenceProperty } from './native-wire.ts';
import type { RunningCall } from './running-call.ts';

/** Items on their way to the broker at once. */
const inflightMax = 32;

/**
 * Sends the items of a stream as its caller can take them, and signs of life while there are none. Rejects with what the method throws.
 * @returns the message that ends it.
 */
export async function sendStream(
  running: RunningCall,
  items: AsyncIterable<unknown>,
  encode: (item: unknown) => Promise<CallAnswer>,
  onError: (error: unknown) => void,
): Promise<CallAnswer> {
  const { call } = running;
  const expiry = call.message?.expiry;
  const sending: Promise<void>[] = [];
  let isQuiet = true;
  const send = (answer: CallAnswer): Promise<void> => {
    isQuiet = false;
    return call.send(answer, expiry).then(
      ({ noSubscribers }: PublishResult) => {
        // The caller is gone.
        if (noSubscribers) running.stop(undefined);
      },
      (error: unknown) => {
        onError(error);
        running.stop(undefined);
      },
    );
  };
  const showLife = (): void => {
    if (isQuiet) void send({ status: 204, properties: [[aliveProperty, '1']] });
    isQuiet = true;
  };
  // Three times in the longest silence that the caller allows, which it tells by the expiry of its call.
  const timer = expiry === undefined ? undefined : setInterval(showLife, Math.max(expiry, 1) * 333);
  const iterator = items[Symbol.asyncIterator]();
  // One that waits for its next item is told at once.
  const leave = (): void => void handled(Promise.resolve(iterator.return?.()));
  running.signal.addEventListener('abort', leave);
  let sent = 0;
  try {
    for (;;) {
      await running.credited(sent);
      const next = await iterator.next();
      if (running.signal.aborted || next.done)
        return {
          status: 204,
          properties: [
            [sequenceProperty, `${sent}`],
            [endProperty, '1'],
          ],
        };
      sending.push(send({ ...(await encode(next.value)), properties: [[sequenceProperty, `${sent}`]] }));
      sent += 1;
      if (sending.length >= inflightMax) await sending.shift();
    }
  } catch (error) {
    leave();
    throw error;
  } finally {
    running.signal.removeEventListener('abort', leave);
    clearInterval(timer);
  }
}

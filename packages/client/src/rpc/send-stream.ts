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
  const stopAlive = keepAlive(expiry, () => {
    if (isQuiet) void send({ status: 204, properties: [[aliveProperty, '1']] });
    isQuiet = true;
  });
  const iterator = items[Symbol.asyncIterator]();
  // One that waits for its next item is told at once.
  const leave = (): void => void handled(Promise.resolve(iterator.return?.()));
  running.signal.addEventListener('abort', leave);
  let sent = 0;
  try {
    for (;;) {
      await running.credited(sent);
      const next = await iterator.next();
      if (running.signal.aborted || next.done) return end({ status: 204 }, sent);
      sending.push(send({ ...(await encode(next.value)), properties: [[sequenceProperty, String(sent)]] }));
      sent += 1;
      if (sending.length >= inflightMax) await sending.shift();
    }
  } catch (error) {
    leave();
    throw error;
  } finally {
    running.signal.removeEventListener('abort', leave);
    stopAlive();
  }
}

function end(answer: CallAnswer, sent: number): CallAnswer {
  return {
    ...answer,
    properties: [
      [sequenceProperty, String(sent)],
      [endProperty, '1'],
    ],
  };
}

/** Three times in the longest silence that the caller allows, which it tells by the expiry of its call. */
function keepAlive(expiry: number | undefined, callback: () => void): () => void {
  if (expiry === undefined) return () => {};
  const timer = setInterval(callback, Math.max(expiry, 1) * 333);
  return () => clearInterval(timer);
}

import type { SessionStore } from './session-store.ts';

const nothing: AsyncIterable<never> = {
  async *[Symbol.asyncIterator]() {},
};

/**
 * A session that ends with its process: nothing is written, and nothing is there to be read. What a client has unless told otherwise; the
 * queue is bounded by `outbound` alone.
 *
 *     await using device = await connect('mqtt://localhost', { session: { store: memoryStore(), expiry: 600 } });
 *     console.log(device.clientId);
 */
export function memoryStore(): SessionStore {
  return {
    isDurable: false,
    open: async () => ({ ops: nothing, existed: false }),
    append: async () => {},
    close: async () => {},
  };
}

import type { SessionStore } from './session-store.ts';

const nothing: AsyncIterable<never> = {
  async *[Symbol.asyncIterator]() {},
};

/** A session that ends with its process: nothing is written, and nothing is there to be read. */
export function memoryStore(): SessionStore {
  return {
    isDurable: false,
    open: async () => ({ ops: nothing, existed: false }),
    append: async () => {},
    close: async () => {},
  };
}

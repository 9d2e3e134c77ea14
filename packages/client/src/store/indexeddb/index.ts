import type { SessionStore } from '#store/session-store.ts';
import { IndexedDbStore } from './indexeddb-store.ts';

/**
 * A session store in the browser's IndexedDB: databases whose names begin with `wrenmq` and hold `name`, one for each client id. Open in
 * one tab at a time: others wait a second and get SESSION_LOCKED. NOT_SUPPORTED where the browser has no IndexedDB or no
 * `navigator.locks` (pages that come neither over HTTPS nor from localhost). A browser without room is QUEUE_FULL.
 * A client without a `clientId` gets that of `name`, which is made at random once and stands in a database of its own.
 *
 *     const web = createClient('wss://broker.example/mqtt', { session: { store: indexedDbStore('app-mqtt') } });
 *     const { acked } = await web.enqueue('app/clicks', 'one', { qos: 2 }); // outlives the page
 *     await acked;
 *     await web.close();
 */
export function indexedDbStore(name: string): SessionStore {
  return new IndexedDbStore(name, globalThis);
}

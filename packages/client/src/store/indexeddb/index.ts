import type { SessionStore } from '#store/session-store.ts';
import { IndexedDbStore } from './indexeddb-store.ts';

/**
 * A session store in the browser's IndexedDB: databases whose names begin with `wrenmq` and hold `name`, one for each client id. Open in
 * one tab at a time: others wait a second and get SESSION_LOCKED. NOT_SUPPORTED where the browser has no IndexedDB or no
 * `navigator.locks` (pages that come neither over HTTPS nor from localhost). A browser without room is QUEUE_FULL.
 */
export function indexedDbStore(name: string): SessionStore {
  return new IndexedDbStore(name, globalThis);
}

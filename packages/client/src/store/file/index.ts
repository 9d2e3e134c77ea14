import type { SessionStore } from '#store/session-store.ts';
import { FileStore, type FileStoreOptions } from './file-store.ts';

export type { FileStoreOptions };

/**
 * A session store in files below `directory`, which is made when it is missing. Each client id has a directory of its own there, open in
 * one process at a time (SESSION_LOCKED for others; what a killed process leaves locked is taken over). What a crash has left half
 * written is cut off when it is opened; any other damage is reported as STORE, with file and position, and nothing is delivered.
 * A client without a `clientId` gets that of the directory, which is made at random once and stands there in the file `client-id`.
 *
 *     const directory = mkdtempSync('/tmp/gateway-'); // in earnest: '/var/lib/gateway'
 *     const gateway = createClient('mqtt://localhost', { session: { store: fileStore(directory, { maxBytes: 256 * 1024 * 1024 }) } });
 *     const { acked } = await gateway.enqueue('plant/line1/count', '42', { qos: 2 }); // on the disk now
 *     await acked;
 *     await gateway.close();
 *
 * @param options `sync`: when an append counts as kept ('always'); `maxBytes`: 1 GiB. Throws MqttError INVALID when one means nothing.
 */
export function fileStore(directory: string, options?: FileStoreOptions): SessionStore {
  return new FileStore(directory, options);
}

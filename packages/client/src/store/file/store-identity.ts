import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { randomClientId } from '#base/random-client-id.ts';
import type { FileSystem } from './file-system.ts';
import { damaged } from './store-error.ts';

/** The client id of a directory of sessions: a file beside them, made by whoever comes first, and never changed. */
export async function readStoreIdentity(fileSystem: FileSystem, directory: string): Promise<string> {
  const path = join(directory, 'client-id');
  await fileSystem.makeDirectory(directory);
  if ((await fileSystem.readText(path)) === undefined) await makeIdentity(fileSystem, path);
  const clientId = (await fileSystem.readText(path))?.trim() ?? '';
  if (clientId === '') throw damaged(path, 0, 'no client id');
  // ORDER: the name is on the disk before a session stands under it, whoever of two has made it.
  await fileSystem.syncDirectory(directory);
  return clientId;
}

async function makeIdentity(fileSystem: FileSystem, path: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  const file = await fileSystem.open(draft, 'create');
  try {
    await file.write(Buffer.from(`${randomClientId()}\n`), 0);
    await file.sync();
  } finally {
    await file.close();
  }
  // The content is there with the name: nobody reads it half written. Who finds the name taken takes what is there.
  await fileSystem.link(draft, path);
  await fileSystem.remove(draft);
}

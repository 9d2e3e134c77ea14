/** A process for tests to kill: commits numbered batches to the directory it is given and prints each number once it is acknowledged. */
import { writeSync } from 'node:fs';
import { silentLogger } from '#base/logger.ts';
import { openStore } from './open-store.ts';
import { Batch } from './store.ts';

const store = await openStore({ directory: process.argv[2], kind: 'disk', log: silentLogger });
let last = (await store.get('meta', Buffer.from('last')))?.readUInt32BE(0) ?? 0;
for (;;) {
  last += 1;
  const number = Buffer.alloc(4);
  number.writeUInt32BE(last);
  const batch = new Batch();
  batch.put('log', number, Buffer.alloc((last * 7919) % 60_000, last & 255));
  batch.put('queue', number, Buffer.alloc(300));
  batch.delete('queue', number);
  batch.put('meta', Buffer.from('last'), number);
  await store.commit(batch);
  writeSync(1, `${last}\n`);
}

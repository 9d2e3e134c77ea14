import type { Batch, Store } from '#store/store.ts';

/*
 * A durable group's record in the table `meta`: key `group/` and u32 number, value its subscription, `$share/group/filter`.
 * What waits for it is in the table `queue`, as for sessions.
 */
const prefix = Buffer.from('group/');
const everyGroup = { from: prefix, to: Buffer.from('group0') };

export interface StoredGroup {
  readonly number: number;
  readonly text: string;
}

export function putGroup(batch: Batch, number: number, text: string): void {
  batch.put('meta', groupKey(number), Buffer.from(text));
}

export function deleteGroup(batch: Batch, number: number): void {
  batch.delete('meta', groupKey(number));
}

export async function* readGroups(store: Store): AsyncGenerator<StoredGroup> {
  for await (const page of store.scan('meta', everyGroup)) {
    for (const { key, value } of page) yield { number: key.readUInt32BE(prefix.length), text: value.toString() };
  }
}

function groupKey(number: number): Buffer {
  const key = Buffer.alloc(prefix.length + 4);
  prefix.copy(key);
  key.writeUInt32BE(number, prefix.length);
  return key;
}

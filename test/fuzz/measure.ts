import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { turns } from './memory-client.ts';

/** Bytes of memory in use after garbage collection: the heap, and the buffers beside it. */
export async function usedBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What a finished promise or a finalizer held is free one turn later.
  for (let round = 0; round < 3; round += 1) {
    collect();
    await turns(2);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

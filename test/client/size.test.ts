/** What a web page pays for the client: bytes of the minified bundle after gzip. docs/adr/0010-client-size.md says where they go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { bundleForBrowser, type Chunk } from './bundle.ts';

interface Part {
  readonly name: string;
  readonly source: string;
  /** What it takes now, rounded up: it may only become less. */
  readonly bytesMax: number;
  /** What it is to take. */
  readonly bytesWanted: number;
}

const CORE: Part = {
  name: 'the core',
  source: "export { connect, createClient } from '@wrenmq/client';\n",
  bytesMax: 29_700,
  bytesWanted: 15_000,
};

/** On top of the core. */
const parts: readonly Part[] = [
  {
    name: 'calling by RPC',
    source: "export { defineRpc, rpcClient } from '@wrenmq/client/rpc';\n",
    bytesMax: 3_600,
    bytesWanted: 4_000,
  },
  {
    name: 'answering by RPC',
    source: "export { defineRpc, serveRpc } from '@wrenmq/client/rpc';\n",
    bytesMax: 4_000,
    bytesWanted: 4_000,
  },
  { name: 'all of rpc', source: "export * from '@wrenmq/client/rpc';\n", bytesMax: 6_600, bytesWanted: 4_000 },
  { name: 'events', source: "export * from '@wrenmq/client/events';\n", bytesMax: 2_000, bytesWanted: 2_000 },
  {
    name: 'store/indexeddb',
    source: "export * from '@wrenmq/client/store/indexeddb';\n",
    bytesMax: 3_000,
    bytesWanted: 3_000,
  },
];

/** Loaded with the first connection attempt, for those who bring a transport of their own. */
const LATER = [{ name: 'adapt-streams', bytesMax: 1_100 }];

function weigh(chunks: readonly Chunk[]): number {
  return chunks.reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0);
}

async function weighStart(source: string): Promise<number> {
  return weigh((await bundleForBrowser(source)).start);
}

test(`the core takes at most ${CORE.bytesMax} bytes, and nothing else than what is named here comes later`, async () => {
  const { start, later } = await bundleForBrowser(CORE.source);
  const bytes = weigh(start);
  assert.ok(bytes <= CORE.bytesMax, `the core takes ${bytes} bytes, at most ${CORE.bytesMax} (wanted: ${CORE.bytesWanted})`);
  assert.deepEqual(
    later.map(({ fileName }) => fileName.replace(/-[^-]+$/, '')),
    LATER.map(({ name }) => name),
  );
  for (const [index, { name, bytesMax }] of LATER.entries()) {
    const chunkBytes = weigh([later[index]]);
    assert.ok(chunkBytes <= bytesMax, `${name} takes ${chunkBytes} bytes, at most ${bytesMax}`);
  }
});

for (const { name, source, bytesMax, bytesWanted } of parts) {
  test(`${name} takes at most ${bytesMax} bytes on top of the core`, async () => {
    const bytes = (await weighStart(CORE.source + source)) - (await weighStart(CORE.source));
    assert.ok(bytes <= bytesMax, `${name} takes ${bytes} bytes on top of the core, at most ${bytesMax} (wanted: ${bytesWanted})`);
  });
}

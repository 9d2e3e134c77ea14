/** What a web page pays for the client: bytes of the minified bundle after gzip. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { bundleForBrowser } from './bundle.ts';

const CORE = "export { connect, createClient } from '@wrenmq/client';\n";
const CORE_BYTES_MAX = 15_000;

/** On top of the core. */
const parts = [
  { name: 'rpc', source: "export * from '@wrenmq/client/rpc';\n", bytesMax: 4_000 },
  { name: 'events', source: "export * from '@wrenmq/client/events';\n", bytesMax: 2_000 },
  { name: 'store/indexeddb', source: "export * from '@wrenmq/client/store/indexeddb';\n", bytesMax: 3_000 },
];

async function weigh(source: string): Promise<number> {
  return gzipSync(await bundleForBrowser(source), { level: 9 }).length;
}

test(`the core takes at most ${CORE_BYTES_MAX} bytes`, async () => {
  const bytes = await weigh(CORE);
  assert.ok(bytes <= CORE_BYTES_MAX, `the core takes ${bytes} bytes, at most ${CORE_BYTES_MAX}`);
});

for (const { name, source, bytesMax } of parts) {
  test(`${name} takes at most ${bytesMax} bytes on top of the core`, async () => {
    const bytes = (await weigh(CORE + source)) - (await weigh(CORE));
    assert.ok(bytes <= bytesMax, `${name} takes ${bytes} bytes on top of the core, at most ${bytesMax}`);
  });
}

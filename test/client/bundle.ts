import { dirname, join } from 'node:path';
import { rolldown } from 'rolldown';

const here = import.meta.dirname;

export interface Chunk {
  readonly fileName: string;
  readonly code: string;
}

/** What a page loads: `start` for its script, `later` when something asks for it. */
export interface Bundle {
  readonly start: readonly Chunk[];
  readonly later: readonly Chunk[];
}

/** What a bundler makes of a page's module, minified. The first chunk of `start` is the script itself. */
export async function bundleForBrowser(source: string): Promise<Bundle> {
  const entry = join(here, 'bundled-entry.js');
  const bundle = await rolldown({
    input: entry,
    cwd: dirname(here),
    platform: 'browser',
    // What a page's script exports nobody imports: what it shares with later chunks may stay in it.
    preserveEntrySignatures: 'allow-extension',
    resolve: { conditionNames: ['browser', '@wrenmq/source', 'import'] },
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === entry ? entry : undefined),
        load: (id) => (id === entry ? source : undefined),
      },
    ],
  });
  try {
    const { output } = await bundle.generate({ format: 'esm', minify: true });
    const chunks = new Map(output.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file]] : [])));
    const start = new Set([output[0]]);
    for (const { imports } of start) {
      for (const name of imports) {
        const chunk = chunks.get(name);
        if (chunk === undefined) throw new Error(`imports ${name}, which a browser cannot`);
        start.add(chunk);
      }
    }
    return { start: [...start], later: [...chunks.values()].filter((chunk) => !start.has(chunk)) };
  } finally {
    await bundle.close();
  }
}

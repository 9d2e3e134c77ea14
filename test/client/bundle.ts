import { dirname, join } from 'node:path';
import { rolldown } from 'rolldown';

const here = import.meta.dirname;

/** What a bundler makes of a module for browsers, minified. */
export async function bundleForBrowser(source: string): Promise<string> {
  const entry = join(here, 'bundled-entry.js');
  const bundle = await rolldown({
    input: entry,
    cwd: dirname(here),
    platform: 'browser',
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
    if (output.length !== 1 || output[0].imports.length > 0)
      throw new Error(`not one file without imports: ${output[0].imports.join(', ')}`);
    return output[0].code;
  } finally {
    await bundle.close();
  }
}

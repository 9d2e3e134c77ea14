import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { repository } from '@wrenmq/testkit';

export interface Example {
  /** Where it stands: `docs/client.md:27`. */
  readonly name: string;
  readonly code: string;
  /** Complete in itself; otherwise it takes a client and more for granted. */
  readonly isProgram: boolean;
}

/** docs/client-rpc.md is run by rpc-guide.test.ts, which knows what its programs print. */
const GUIDES = ['docs/client.md'];
const SOURCE = join(repository, 'packages/client/src');
const BLOCK = /^```ts\n([\s\S]*?)^```/gm;
/** A docstring's indented lines, five spaces or more behind the star. */
const DOCSTRING_EXAMPLE = /(?:^ *\* {5}.*\n(?: *\*\n(?= *\* {5}))?)+/gm;

/** Every example of the guides and of the docstrings. */
export function listExamples(): Example[] {
  return [...GUIDES.flatMap(listBlocks), ...sourceFiles().flatMap(listDocstringExamples)];
}

function listBlocks(path: string): Example[] {
  const text = readFileSync(join(repository, path), 'utf8');
  return [...text.matchAll(BLOCK)].map((match) => ({ name: `${path}:${lineAt(text, match.index)}`, code: match[1], isProgram: true }));
}

function listDocstringExamples(path: string): Example[] {
  const text = readFileSync(path, 'utf8');
  return [...text.matchAll(DOCSTRING_EXAMPLE)].map((match) => ({
    name: `${relative(repository, path)}:${lineAt(text, match.index)}`,
    code: match[0].replaceAll(/^ *\* ?/gm, ''),
    isProgram: false,
  }));
}

function sourceFiles(): string[] {
  const names = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith('.ts') && !/\.test\.ts$|test-[^/]*\.ts$/.test(name))
    .sort()
    .map((name) => join(SOURCE, name));
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

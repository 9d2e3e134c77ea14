import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A text file of the repository. */
export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** One breach of the style: `path:line what`. */
export type Problem = string;

/** Every text file that git tracks, or would if it were added. */
export function readRepository(root: string): SourceFile[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  const files: SourceFile[] = [];
  for (const path of new Set(listed.split('\0'))) {
    const bytes = path === '' ? null : readIfThere(join(root, path));
    if (bytes !== null && !bytes.subarray(0, 8192).includes(0)) files.push({ path, text: bytes.toString('utf8') });
  }
  return files;
}

export function isCode(file: SourceFile): boolean {
  return /\.(ts|mts|mjs|js|tsx)$/.test(file.path);
}

/** A test, or `test-*.ts`, what the tests of one room share: neither is published. */
export function isTest(file: SourceFile): boolean {
  return /(\.test\.[a-z]+|\/test-[^/]+)$/.test(file.path);
}

export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let index = text.indexOf('\n'); index >= 0 && index < offset; index = text.indexOf('\n', index + 1)) line += 1;
  return line;
}

export function countLines(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

/** Null for what was deleted but not yet told to git, and for links to folders. */
function readIfThere(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}

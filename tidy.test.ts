/** The style as a test (docs/STYLE.md). Every check names all its problems as `file:line what`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLockFile, checkReadmes, checkTranslation } from './scripts/tidy/check-documents.ts';
import { checkImports, checkTables } from './scripts/tidy/check-imports.ts';
import { checkNames } from './scripts/tidy/check-names.ts';
import { checkShape } from './scripts/tidy/check-shape.ts';
import { checkWords } from './scripts/tidy/check-words.ts';
import { isCode, type Problem, readRepository } from './scripts/tidy/source-file.ts';

const files = readRepository(import.meta.dirname);
const code = files.filter(isCode);

function assertNone(problems: readonly Problem[]): void {
  assert.ok(problems.length === 0, `${problems.length} to mend:\n${problems.join('\n')}`);
}

test('the tables of rooms point only down', () => assertNone(checkTables()));
test('imports point only down the tables of rooms', () => assertNone(code.flatMap(checkImports)));
test('files are at most 450 lines, functions 70, parameters 4, and no module holds state', () => assertNone(code.flatMap(checkShape)));
test('names say what they name', () => assertNone(code.flatMap(checkNames)));
test('no file holds a word that has no place here', () =>
  assertNone(files.filter((file) => file.path !== 'package-lock.json').flatMap(checkWords)));
test('every package and every room has its page', () => assertNone(checkReadmes(files)));
test('both front pages tell the same', () => assertNone(checkTranslation(files)));
test('the lock file holds no download addresses', () => assertNone(checkLockFile(files)));

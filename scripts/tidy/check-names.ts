import { parseSync, Visitor } from 'oxc-parser';
import { basename } from 'node:path/posix';
import { lineAt, type Problem, type SourceFile } from './source-file.ts';

const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+(\.\d+)*)*(\.test|\.config|\.d)?\.[a-z]+$/;
const DRAWER = /^(.+-)?(utils?|helpers?|types|common|misc)(\.test)?\.[a-z]+$/;
const EMPTY_WORD = /(Manager|Impl|Data|Info)$/;

/** File names and names of classes and interfaces that say nothing. */
export function checkNames(file: SourceFile): Problem[] {
  const problems: Problem[] = [];
  const name = basename(file.path);
  if (!KEBAB_CASE.test(name)) problems.push(`${file.path}:1 the file name is not kebab-case`);
  if (DRAWER.test(name)) problems.push(`${file.path}:1 a drawer for anything: name the file after what it exports`);
  const judge = (id: { name: string; start: number } | null) => {
    if (id !== null && EMPTY_WORD.test(id.name))
      problems.push(`${file.path}:${lineAt(file.text, id.start)} ${id.name}: the last word says nothing`);
  };
  new Visitor({
    ClassDeclaration: (node) => judge(node.id),
    TSInterfaceDeclaration: (node) => judge(node.id),
    TSTypeAliasDeclaration: (node) => judge(node.id),
  }).visit(parseSync(file.path, file.text).program);
  return problems;
}

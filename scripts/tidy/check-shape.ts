import {
  type ArrowFunctionExpression,
  type Expression,
  type Function as FunctionDefinition,
  parseSync,
  type Program,
  type Span,
  Visitor,
} from 'oxc-parser';
import { countLines, isTest, lineAt, type Problem, type SourceFile } from './source-file.ts';

const FILE_LINES_MAX = 450;
const TEST_LINES_MAX = 900;
const FUNCTION_LINES_MAX = 70;
const PARAMETERS_MAX = 4;
/** Where an object for each call would be an allocation for each packet, a slice is handed over as bytes, start and end. */
const PARAMETERS_HOT_MAX = 6;

type FunctionNode = FunctionDefinition | ArrowFunctionExpression;

/** Files and functions that have grown too long, types that are none, and state that belongs to a module instead of an object. */
export function checkShape(file: SourceFile): Problem[] {
  const problems: Problem[] = [];
  const lines = countLines(file.text);
  const limit = isTest(file) ? TEST_LINES_MAX : FILE_LINES_MAX;
  if (lines > limit) problems.push(`${file.path}:${limit + 1} the file has ${lines} lines, at most ${limit}`);
  const { program } = parseSync(file.path, file.text);
  const report = (node: Span, what: string) => problems.push(`${file.path}:${lineAt(file.text, node.start)} ${what}`);
  const judge = (node: FunctionNode) => judgeFunction(file, node, report);
  new Visitor({
    FunctionDeclaration: judge,
    FunctionExpression: judge,
    ArrowFunctionExpression: judge,
    TSAnyKeyword: (node) => report(node, 'any: say the type, or unknown'),
    TSEnumDeclaration: (node) => report(node, 'an enum: use an `as const` object'),
  }).visit(program);
  if (!isTest(file)) judgeModuleState(program, report);
  return problems;
}

type Report = (node: Span, what: string) => void;

function judgeFunction(file: SourceFile, node: FunctionNode, report: Report): void {
  const parameters = node.params.filter((parameter) => parameter.type !== 'Identifier' || parameter.name !== 'this').length;
  const parametersMax = isHot(file) || isTest(file) ? PARAMETERS_HOT_MAX : PARAMETERS_MAX;
  if (parameters > parametersMax) report(node, `a function of ${parameters} parameters, at most ${parametersMax}`);
  const lines = countLines(file.text.slice(node.start, node.end));
  if (lines > FUNCTION_LINES_MAX && !isTest(file)) report(node, `a function of ${lines} lines, at most ${FUNCTION_LINES_MAX}`);
}

function isHot(file: SourceFile): boolean {
  return file.text.startsWith('// HOT');
}

/** Variables that can be set again, and collections that begin empty and are filled by a function. */
function judgeModuleState(program: Program, report: Report): void {
  const collections = new Set<string>();
  for (const statement of program.body) {
    const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
    if (declaration?.type !== 'VariableDeclaration') continue;
    if (declaration.kind === 'let' || declaration.kind === 'var')
      report(declaration, `a module-level ${declaration.kind}: state belongs to an object`);
    for (const { id, init } of declaration.declarations) if (id.type === 'Identifier' && isEmptyCollection(init)) collections.add(id.name);
  }
  let depth = 0;
  const enter = () => void (depth += 1);
  const leave = () => void (depth -= 1);
  new Visitor({
    FunctionDeclaration: enter,
    'FunctionDeclaration:exit': leave,
    FunctionExpression: enter,
    'FunctionExpression:exit': leave,
    ArrowFunctionExpression: enter,
    'ArrowFunctionExpression:exit': leave,
    CallExpression({ callee }) {
      if (depth === 0 || callee.type !== 'MemberExpression' || callee.object.type !== 'Identifier' || !collections.has(callee.object.name))
        return;
      if (callee.property.type === 'Identifier' && FILLS.has(callee.property.name))
        report(callee, `fills the module's ${callee.object.name}: state belongs to an object`);
    },
  }).visit(program);
}

const FILLS = new Set(['set', 'add', 'push', 'unshift']);

function isEmptyCollection(init: Expression | null): boolean {
  if (init?.type === 'ArrayExpression') return init.elements.length === 0;
  return (
    init?.type === 'NewExpression' &&
    init.arguments.length === 0 &&
    init.callee.type === 'Identifier' &&
    /^(Weak)?(Map|Set)$/.test(init.callee.name)
  );
}

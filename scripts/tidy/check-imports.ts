import { builtinModules } from 'node:module';
import { dirname } from 'node:path/posix';
import { parseSync } from 'oxc-parser';
import { type House, HOUSES, PURE_PACKAGES, type Room } from '#root/rooms.ts';
import { isTest, lineAt, type Problem, type SourceFile } from './source-file.ts';

interface Import {
  readonly specifier: string;
  readonly line: number;
}

/** Imports that leave their room by another door than the table in rooms.ts allows. */
export function checkImports(file: SourceFile): Problem[] {
  return listImports(file).flatMap(({ specifier, line }) => {
    const problem = judgeForm(file, specifier) ?? judgePackage(file, specifier) ?? judgeRoom(file, specifier);
    return problem === null ? [] : [`${file.path}:${line} imports '${specifier}': ${problem}`];
  });
}

/** The tables must themselves point only down. */
export function checkTables(): Problem[] {
  return Object.values(HOUSES).flatMap(({ rooms }) => {
    const names = Object.keys(rooms);
    return names.flatMap((name, index) =>
      rooms[name].rooms
        .map((target) => target.split('/')[0])
        .filter((target) => target !== name && !names.slice(0, index).includes(target))
        .map((target) => `rooms.ts:1 ${name} may not import ${target}: it does not stand above it`),
    );
  });
}

function listImports(file: SourceFile): Import[] {
  const { module } = parseSync(file.path, file.text);
  const imports: Import[] = [];
  const add = (specifier: string, offset: number) => imports.push({ specifier, line: lineAt(file.text, offset) });
  for (const { moduleRequest } of module.staticImports) add(moduleRequest.value, moduleRequest.start);
  for (const { entries } of module.staticExports) {
    const request = entries[0]?.moduleRequest;
    if (request) add(request.value, request.start);
  }
  for (const { moduleRequest } of module.dynamicImports) {
    const literal = /^(['"`])([^'"`$]+)\1$/.exec(file.text.slice(moduleRequest.start, moduleRequest.end));
    if (literal !== null) add(literal[2], moduleRequest.start);
  }
  return imports;
}

function judgeForm(file: SourceFile, specifier: string): string | null {
  if (specifier.startsWith('../') && !file.path.includes('/bin/'))
    return 'name the room (#room/file.ts) or the package instead of climbing with ../';
  if (/^[.#]/.test(specifier) && !/\.(ts|mjs|js|json)$/.test(specifier)) return 'write the file with its ending';
  if (!specifier.startsWith('node:') && builtinModules.includes(specifier)) return `write node:${specifier}`;
  const source = sourceOf(file);
  if (!specifier.startsWith('#') || source === null) return null;
  const target = specifier.slice(1);
  if (dirname(source.folder + target) === dirname(file.path)) return `write ./${target.split('/').at(-1)} for a file of the same folder`;
  return null;
}

/** The house that a file stands in, null when its package has no rooms. */
function sourceOf(file: SourceFile): { readonly house: House; readonly folder: string } | null {
  const name = Object.keys(HOUSES).find((house) => file.path.startsWith(`packages/${house}/src/`));
  return name === undefined ? null : { house: HOUSES[name], folder: `packages/${name}/src/` };
}

function judgePackage(file: SourceFile, specifier: string): string | null {
  const owner = PURE_PACKAGES.find((name) => file.path.startsWith(`packages/${name}/src/`));
  if (owner === undefined || isTest(file) || specifier.startsWith('./')) return null;
  return `${owner} depends on nothing, and runs in browsers`;
}

function judgeRoom(file: SourceFile, specifier: string): string | null {
  const source = sourceOf(file);
  if (source === null || isTest(file) || specifier.startsWith('node:') || specifier.startsWith('./')) return null;
  const { house, folder: root } = source;
  const [roomName, folder, ...rest] = file.path.slice(root.length).split('/');
  // Files beside the rooms compose them.
  if (folder === undefined || house.composing.includes(roomName)) return null;
  const room = house.rooms[roomName];
  if (room === undefined) return `${roomName} is not a room of rooms.ts`;
  if (!specifier.startsWith('#')) {
    const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
    return room.packages.includes(name) ? null : `${roomName} may not import the package ${name}`;
  }
  const ofRooms = house.ofRooms.includes(roomName);
  const closed = ofRooms && rest.length > 0;
  const own = closed ? `${roomName}/${folder}/` : ofRooms ? null : `${roomName}/`;
  return mayImport(room, own, specifier.slice(1)) ? null : `${closed ? own : roomName} may not import it (rooms.ts)`;
}

function mayImport(room: Room, own: string | null, target: string): boolean {
  if (own !== null && target.startsWith(own)) return true;
  return room.rooms.some((allowed) => target === allowed || target.startsWith(`${allowed}/`));
}

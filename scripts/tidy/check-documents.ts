import { dirname } from 'node:path/posix';
import { HOUSES } from '#root/rooms.ts';
import { countLines, isCode, lineAt, type Problem, type SourceFile } from './source-file.ts';

const README_LINES_MAX = 100;

/** Packages and rooms without a page that says what they are, or with more than a page. */
export function checkReadmes(files: readonly SourceFile[]): Problem[] {
  const pages = new Map(files.filter((file) => file.path.endsWith('/README.md')).map((file) => [dirname(file.path), file]));
  const missing = [...listHomes(files)].filter((folder) => !pages.has(folder)).map((folder) => `${folder}/README.md:1 is missing`);
  const long = [...pages.values()]
    .filter((file) => file.path.includes('/src/') && countLines(file.text) > README_LINES_MAX)
    .map((file) => `${file.path}:${README_LINES_MAX} a room's README is a page, at most ${README_LINES_MAX} lines`);
  return [...missing, ...long];
}

/** The translations of the front page tell the same: as many headings, the same code. */
export function checkTranslation(files: readonly SourceFile[]): Problem[] {
  const [english, chinese] = ['README.md', 'README.zh-CN.md'].map((path) => files.find((file) => file.path === path));
  if (english === undefined || chinese === undefined) return [`${english === undefined ? 'README.md' : 'README.zh-CN.md'}:1 is missing`];
  const problems: Problem[] = [];
  const [headings, translated] = [english, chinese].map((file) => withoutCode(file.text).match(/^#{1,6} /gm)?.length ?? 0);
  if (headings !== translated) problems.push(`${chinese.path}:1 has ${translated} headings, ${english.path} has ${headings}`);
  const [blocks, others] = [english, chinese].map((file) => [...file.text.matchAll(CODE_BLOCK)]);
  blocks.forEach((block, index) => {
    if (others[index]?.[0] !== block[0])
      problems.push(`${english.path}:${lineAt(english.text, block.index)} the code block differs in ${chinese.path}`);
  });
  if (others.length > blocks.length)
    problems.push(`${chinese.path}:1 has ${others.length - blocks.length} code blocks more than ${english.path}`);
  return problems;
}

/** The lock file names versions and checksums; where they are fetched from is the reader's configuration. */
export function checkLockFile(files: readonly SourceFile[]): Problem[] {
  const lock = files.find((file) => file.path === 'package-lock.json');
  if (lock === undefined) return ['package-lock.json:1 is missing'];
  const addresses = lock.text.matchAll(/"resolved": "(?:git\+)?(?:https?|ssh):[^"]*"/g);
  return [...addresses].map((match) => `${lock.path}:${lineAt(lock.text, match.index)} a download address`);
}

const CODE_BLOCK = /^```[^\n]*\n[\s\S]*?^```/gm;

function withoutCode(text: string): string {
  return text.replaceAll(CODE_BLOCK, '');
}

/** Every package, every room, and every folder of a room whose folders are rooms. */
function listHomes(files: readonly SourceFile[]): Set<string> {
  const homes = new Set<string>();
  for (const { path } of files.filter(isCode)) {
    const [top, name, source, room, ...rest] = path.split('/');
    if (top !== 'packages') continue;
    homes.add(`packages/${name}`);
    const house = HOUSES[name];
    if (house === undefined || source !== 'src' || rest.length === 0) continue;
    homes.add(`packages/${name}/src/${room}`);
    if (house.ofRooms.includes(room) && rest.length > 1) homes.add(`packages/${name}/src/${room}/${rest[0]}`);
  }
  return homes;
}

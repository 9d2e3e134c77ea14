import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { createProgram } from 'wrenmq/src/command-line.ts';
import { MOSQUITTO_FLAGS } from './mosquitto-flags.ts';
import type { Tool } from './run-tool.ts';

// Every flag of Debian's mosquitto-clients, by their help, their manual and the programs themselves, stands in mosquitto-flags.ts; and every
// flag that stands there is one of ours, with as many words.

const TOOLS: readonly Tool[] = ['pub', 'sub', 'rr'];
const skip = existsSync('/usr/bin/mosquitto_sub') ? false : 'needs the Debian package mosquitto-clients';
function flagsOf(tool: Tool): Set<string> {
  const text = helpOf(tool);
  const help = [...text.matchAll(/^ (-{1,2}[A-Za-z][\w-]*) : /gm), ...text.matchAll(/[[{| ](-{1,2}[A-Za-z][\w-]*)(?=[\] }])/g)];
  const manual = manualOf(tool).flatMap((heading) => [...heading.matchAll(/\\fB((?:\\-){1,2}[A-Za-z](?:[\w]|\\-)*)\\fR/g)]);
  const names = [...help.map((match) => match[1]), ...manual.map((match) => match[1].replaceAll('\\-', '-'))];
  return new Set(names);
}

function helpOf(tool: Tool): string {
  try {
    return execFileSync(`mosquitto_${tool}`, ['--help'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    // It ends with 1.
    return (error as { stdout: string }).stdout;
  }
}

/** The headings of its options: a paragraph of names before an indented text. */
function manualOf(tool: Tool): string[] {
  const file = `/usr/share/man/man1/mosquitto_${tool}.1.gz`;
  if (!existsSync(file)) return [];
  const text = gunzipSync(readFileSync(file)).toString('utf8');
  const options = text.slice(text.indexOf('.SH "OPTIONS"'), text.indexOf('.SH', text.indexOf('.SH "OPTIONS"') + 1));
  return [...options.matchAll(/^\.PP\n(\\fB\\-.*)\n\.RS 4$/gm)].map((match) => match[1]);
}

for (const tool of TOOLS) {
  test(`the table has every flag of mosquitto_${tool}`, { skip }, () => {
    const known = new Set(MOSQUITTO_FLAGS.filter(({ tools }) => tools.includes(tool)).flatMap(({ names }) => names));
    const found = flagsOf(tool);
    assert.ok(found.size > 40, `only ${found.size} flags were found`);
    assert.deepEqual(
      [...found].filter((name) => !known.has(name)),
      [],
    );
  });

  test(`wrenmq ${tool} has every flag of mosquitto_${tool}`, async () => {
    const program = await createProgram();
    const command = program.commands.find((each) => each.name() === tool)!;
    for (const { names, words, tools } of MOSQUITTO_FLAGS.filter(({ names: [name] }) => name !== '--help')) {
      if (!tools.includes(tool)) continue;
      for (const name of names) {
        const option = command.options.find(({ short, long }) => [short, long].includes(name));
        assert.ok(option !== undefined, `${name} is missing`);
        assert.equal(option.required || option.optional, words !== 0, `${name} takes ${words} words`);
      }
    }
  });
}

#!/usr/bin/env node
/**
 * The `wrenmq` command. In the clone it hands over to the pinned runtime and runs the source; installed from a package it
 * runs the compiled files. Plain JavaScript without newer syntax, so that an old Node.js can still say what is wrong.
 */
import { existsSync, readFileSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

const oldestMajor = 24;
const launcher = new URL('../../../scripts/run.mjs', import.meta.url);
const source = new URL('../src/main.ts', import.meta.url);

const args = [...asMosquitto(basename(process.argv[1])), ...process.argv.slice(2)];
const standardOutput = 1;

if (args.length === 1 && args[0] === '--version') {
  // What scripts and prompts ask most needs no program. PERF: bench/command-line/start-up.ts
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  writeSync(standardOutput, `${version}\n`);
} else if (existsSync(source) && existsSync(launcher)) {
  void import(launcher.href).then((run) => run.runPinned([fileURLToPath(source), ...args]));
} else if (Number.parseInt(process.versions.node, 10) < oldestMajor) {
  process.stderr.write(`wrenmq needs Node.js ${oldestMajor} or newer; this is ${process.version} (${process.execPath})\n`);
  process.exitCode = 1;
} else {
  void import('../dist/main.js');
}

/** Called `mosquitto_pub`, `mosquitto_sub` or `mosquitto_rr`, by a link of that name, it is that tool, with its default version of MQTT. */
function asMosquitto(name) {
  const tool = /^mosquitto_(pub|sub|rr)$/.exec(name)?.[1];
  if (tool === undefined) return [];
  const isVersion5 = tool === 'rr' || process.argv.some((word) => word === '-D' || word === '--property');
  return [tool, '--exit-with-reason', '-V', isVersion5 ? '5' : '311'];
}

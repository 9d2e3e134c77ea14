import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launchBroker, type LaunchedBroker, tempDirectory, WireClient } from '@wrenmq/testkit';
import { type Comparison, COMPARISONS } from './comparisons.ts';
import { RecordingProxy } from './recording-proxy.ts';
import { type Maker, runTool } from './run-tool.ts';
import { sentPackets } from './sent-packets.ts';

// Debian's mosquitto-clients and ours, with the same flags, at the same broker: what they send and what they print must be the same.

const directory = await tempDirectory();
const file = join(directory.path, 'payload');
let broker: LaunchedBroker;
let proxy: RecordingProxy;
let other: WireClient;

before(async () => {
  await writeFile(file, 'from a file\n\0with zero');
  broker = await launchBroker({ args: ['--dev'] });
  const { host, port } = broker.target('tcp');
  proxy = await RecordingProxy.start({ host, port });
  other = await WireClient.open({ host, port });
  await other.connect({ clientId: 'other' });
  // It answers the questions of rr, always and at once.
  await other.subscribe('cli/ask');
});

after(async () => {
  await other?.cut();
  await proxy?.[Symbol.asyncDispose]();
  await broker?.close();
  await directory.remove();
});

interface Outcome {
  readonly sent: unknown;
  readonly printed: unknown;
  readonly status: number | null;
}

async function outcomeOf(maker: Maker, comparison: Comparison): Promise<Outcome> {
  const { tool, retained = [], messages = [], input, only } = comparison;
  proxy.take();
  for (const message of retained) await other.publish(message);
  const args = comparison.args.map((word) => (word === 'FILE' ? file : word));
  const where = ['-h', '127.0.0.1', '-p', String(proxy.port)];
  // Each has its own default.
  const version = args.includes('-V') || tool === 'rr' || args.includes('-D') || args.includes('--property') ? [] : ['-V', '311'];
  const ending = runTool(maker, tool, [...where, ...version, ...args], { ...(input === undefined ? {} : { input }), env: { LC_ALL: 'C' } });
  if (messages.length > 0) {
    await Promise.race([proxy.whenSubscribed, ending]);
    for (const message of messages) await other.publish(message);
  }
  if (tool === 'rr' && !args.includes('cli/nobody')) {
    const question = await other.receive();
    await other.publish({ topic: 'cli/answer', payload: `answer to ${question.payload.length} bytes`, qos: 1 });
  }
  const { status, stdout } = await ending;
  const sent = sentPackets(proxy.take(), args).filter((packet) => only === undefined || only.includes((packet as { type: string }).type));
  for (const { topic } of [...retained, ...messages.filter(({ retain }) => retain)])
    await other.publish({ topic, payload: '', retain: true, qos: 1 });
  return { sent, printed: withoutTime(stdout), status };
}

/** The moment of %j and %J. JSON is compared as such, for the order of properties is the broker's. */
function withoutTime(stdout: string): unknown {
  const text = stdout
    .replace(/"tst":(\s*)"[^"]*"/, '"tst":$1"now"')
    .replace(/"message-expiry-interval":(\s*)\d+/, '"message-expiry-interval":$1N');
  return text.includes('"now"') && !text.includes('\t') ? JSON.parse(text.replace(':N', ':0')) : text;
}

const skip = existsSync('/usr/bin/mosquitto_sub') ? false : 'needs the Debian package mosquitto-clients';

for (const comparison of COMPARISONS) {
  test(`${comparison.tool} ${comparison.args.join(' ')}`, { skip, timeout: 60_000 }, async () => {
    const theirs = await outcomeOf('mosquitto', comparison);
    const ours = await outcomeOf('wrenmq', comparison);
    if (comparison.messages !== undefined) assert.notEqual(theirs.printed, '', 'nothing was printed: this would compare nothing');
    if (comparison.unlike === undefined) assert.deepEqual(ours, theirs);
    else assert.notDeepEqual(ours, theirs, `the same: ${comparison.unlike}`);
  });
}

/**
 * One process of the scenario `history`: `fill DIRECTORY MESSAGES` writes through the History itself, as the broker's publisher does, for
 * clients would take too long; `read DIRECTORY` opens what is there and asks. Prints one line of JSON.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '#root/packages/broker/src/base/clock.ts';
import { silentLogger } from '#root/packages/broker/src/base/logger.ts';
import type { History } from '#root/packages/broker/src/history/history.ts';
import type { HistoryQuery } from '#root/packages/broker/src/history/message-history.ts';
import { openHistory } from '#root/packages/broker/src/history/open-history.ts';
import { createMessage } from '#root/packages/broker/src/message/message.ts';

const TOPICS = 100_000;
const SITES = 1000;
const PAYLOAD_BYTES = 64;
const DAY_MS = 86_400_000;
/** All messages are spread over so long, up to now. */
const SPAN_MS = 6 * DAY_MS;
const GIBIBYTE = 2 ** 30;
/** So many are appended between turns of the event loop. */
const TURN = 1000;
const PAGE = 1000;

const settings = { enabled: true, bytesMax: GIBIBYTE, ageMaxMs: 7 * DAY_MS, qos0BytesPerSecond: 0, exclude: [], rules: {} };

function open(directory: string): Promise<History> {
  // The same segments as by default, and room for everything.
  return openHistory({
    directory,
    kind: 'disk',
    clock: systemClock,
    log: silentLogger,
    settings: { ...settings, bytesMax: 64 * GIBIBYTE },
    segmentBytes: GIBIBYTE / 64,
  });
}

const topicOf = (device: number): string => `site/${device % SITES}/device/${device}/temp`;

async function fill(directory: string, messages: number): Promise<object> {
  mkdirSync(join(directory, 'history'), { recursive: true });
  const history = await open(directory);
  const payload = Buffer.alloc(PAYLOAD_BYTES, 'x');
  const slots = Array.from({ length: TOPICS }, (_, device) => history.slotOf(topicOf(device))!);
  const begunMs = Date.now();
  const cpuBegun = process.cpuUsage();
  const used = process.memoryUsage().rss;
  let appendMs = 0;
  let most = 0;
  let device = 0;
  for (let sent = 0; sent < messages; sent += TURN) {
    const turn = [];
    for (let i = 0; i < TURN; i += 1) {
      device = (device + 61_803) % TOPICS;
      const receivedAtMs = begunMs - SPAN_MS + Math.floor(((sent + i) / messages) * SPAN_MS);
      turn.push({
        device,
        message: createMessage({ topic: topicOf(device), payload, qos: 1, publisher: `device-${device}`, receivedAtMs }),
      });
    }
    const fromMs = performance.now();
    for (const one of turn) history.append(one.message, slots[one.device]);
    appendMs += performance.now() - fromMs;
    if (sent % 100_000 === 0) {
      await history.flush();
      most = Math.max(most, process.memoryUsage().rss);
    } else {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await history.close();
  const { bytes, gaps, segments } = history.statistics();
  const cpu = process.cpuUsage(cpuBegun);
  const seconds = (Date.now() - begunMs) / 1000;
  const nsPerMessage = (ms: number): number => Math.round((ms * 1e6) / messages);
  return {
    seconds,
    segments,
    missed: Object.values(gaps).reduce((sum, count) => sum + count, 0),
    bytesPerMessage: bytes / messages,
    appendNs: nsPerMessage(appendMs),
    cpuNs: nsPerMessage((cpu.user + cpu.system) / 1000),
    memoryBytes: most - used,
  };
}

interface Answer {
  readonly name: string;
  readonly firstMs: number;
  readonly allMs: number;
  readonly messages: number;
}

async function ask(history: History, name: string, query: HistoryQuery): Promise<Answer> {
  const fromMs = performance.now();
  const reading = history.read(query);
  let firstMs = 0;
  let messages = 0;
  do {
    const { length } = await reading.next(messages === 0 ? 1 : PAGE);
    if (messages === 0 && length > 0) firstMs = performance.now() - fromMs;
    messages += length;
  } while (!reading.isDone && messages < 100_000);
  return { name, firstMs, allMs: performance.now() - fromMs, messages };
}

async function read(directory: string): Promise<object> {
  const before = process.memoryUsage();
  const fromMs = performance.now();
  const history = await open(directory);
  const startMs = performance.now() - fromMs;
  const started = process.memoryUsage();
  const now = Date.now();
  const middleMs = now - SPAN_MS / 2;
  const answers = [
    await ask(history, 'last 10 of one topic', { filter: topicOf(12_345), lastPerTopic: 10 }),
    await ask(history, 'last 10 of another topic', { filter: topicOf(54_321), lastPerTopic: 10 }),
    await ask(history, 'all of one topic', { filter: topicOf(777) }),
    await ask(history, 'last 10 of each of 100 topics, one +', { filter: 'site/77/device/+/temp', lastPerTopic: 10 }),
    await ask(history, 'all of 100 topics, one +', { filter: 'site/78/device/+/temp' }),
    await ask(history, 'last 1 of each topic, +/+/+/+/temp', { filter: '+/+/+/+/temp', lastPerTopic: 1 }),
    await ask(history, 'one minute of everything', { filter: '#', fromMs: middleMs, toMs: middleMs + 60_000 }),
    await ask(history, 'one hour of one +', { filter: 'site/79/device/+/temp', fromMs: middleMs, toMs: middleMs + 3_600_000 }),
    await ask(history, 'a topic that is not there', { filter: 'site/1/none' }),
  ];
  const asked = process.memoryUsage();
  await history.close();
  return { startMs, startBytes: started.rss - before.rss, askedBytes: asked.rss - before.rss, answers };
}

const [mode, directory, messages] = process.argv.slice(2);
console.log(JSON.stringify(mode === 'fill' ? await fill(directory, Number(messages)) : await read(directory)));

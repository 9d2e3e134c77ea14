import { FakeClock } from '@wrenmq/testkit';
import { silentLogger } from '#base/logger.ts';
import { createMessage, type Message, type MessageFields } from '#message/message.ts';
import type { Disk } from '#store/journal/disk.ts';
import { matches } from '#topic/topic-filter.ts';
import { History, type HistoryOptions } from './history.ts';
import type { HistorySettings } from './history-settings.ts';
import type { HistoryEntry, HistoryQuery, HistoryReading } from './message-history.ts';

export const DAY_MS = 86_400_000;

/** Settings under which everything is kept. */
export function testSettings(settings: Partial<HistorySettings> = {}): HistorySettings {
  return { enabled: true, bytesMax: 2 ** 30, ageMaxMs: 7 * DAY_MS, qos0BytesPerSecond: Infinity, exclude: [], rules: {}, ...settings };
}

/** A message that was kept, and where. */
export interface Kept {
  readonly offset: number;
  readonly message: Message;
}

/** A history whose clock stands still until the test moves it. */
export class TestHistory {
  readonly clock: FakeClock;
  readonly history: History;
  readonly disk: Disk;

  private constructor(history: History, clock: FakeClock, disk: Disk) {
    this.history = history;
    this.clock = clock;
    this.disk = disk;
  }

  static async open(disk: Disk, options: Partial<HistoryOptions> & { clock?: FakeClock } = {}): Promise<TestHistory> {
    const { clock = new FakeClock() } = options;
    const history = await History.open({ log: silentLogger, settings: testSettings(), segmentBytes: 4096, ...options, disk, clock });
    return new TestHistory(history, clock, disk);
  }

  /** Publishes to the history alone; null when it was not kept, else the message as it should be read again. */
  publish(fields: Partial<MessageFields> & { topic: string }, distribute: (message: Message) => void = () => {}): Kept | null {
    const message = createMessage({ qos: 1, publisher: 'p', receivedAtMs: this.clock.wallMs(), ...fields });
    const slot = this.history.slotOf(message.topic);
    if (slot === null) return null;
    const offset = this.history.nextOffset;
    distribute(message);
    this.history.append(message, slot);
    return this.history.nextOffset === offset ? null : { offset, message };
  }
}

/** Everything that a reading yields, page by page. */
export async function readAll(reading: HistoryReading, limit = 100): Promise<HistoryEntry[]> {
  const entries: HistoryEntry[] = [];
  do entries.push(...(await reading.next(limit)));
  while (!reading.isDone);
  return entries;
}

/** What can be compared of an entry. */
export function plain({ offset, message }: Kept): object {
  const { topic, payload, qos, retain, publisher, receivedAtMs, expiresAtMs, properties } = message;
  const messageExpiryAt = message.messageExpiryAt < 0 ? -1 : message.messageExpiryAt - message.propertiesStart;
  return {
    offset,
    topic,
    payload: payload.toString('latin1'),
    qos,
    retain,
    publisher,
    receivedAtMs,
    expiresAtMs,
    properties,
    messageExpiryAt,
  };
}

/** What a query should find among all that is kept, oldest first. */
export function modelOf(kept: readonly Kept[], query: HistoryQuery, nowMs: number): object[] {
  const { filter, fromMs = -Infinity, toMs = Infinity, after = -1, before = Infinity, lastPerTopic } = query;
  const found = kept.filter(({ offset, message }) => {
    if (!matches(filter, message.topic) || offset <= after || offset >= before || message.isExpired(nowMs)) return false;
    return message.receivedAtMs >= fromMs && message.receivedAtMs < toMs;
  });
  if (lastPerTopic === undefined) return found.map(plain);
  const byTopic = Map.groupBy(found, ({ message }) => message.topic);
  const topics = [...byTopic.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return topics.flatMap((topic) => byTopic.get(topic)!.slice(-lastPerTopic).map(plain));
}

import { OperationalError } from '#base/errors.ts';
import type { RefusalCause } from '#explain/decision.ts';
import type { ExplainWorld, KnownMessage, PresentDelivery, PresentSession, PresentSubscription } from '#explain/explain-world.ts';
import { Explainer } from '#explain/explainer.ts';
import type { Explanation, ExplainQuestion } from '#explain/explanation.ts';
import type { HistoryQuery } from '#history/message-history.ts';
import { type Delivery, DeliveryState } from '#message/delivery.ts';
import { Refusals } from '#port/refusals.ts';
import { principalOf } from '#port/subscriber.ts';
import type { Session } from '#session/session.ts';
import type { Kernel } from './kernel.ts';

/** So many messages of a topic are read from the history, which is enough to find the one that was meant. */
const MESSAGES_MAX = 1000;

/** Answers a question about this broker. Rejects with OperationalError `explain.disabled` where nothing is remembered. */
export function explain(kernel: Kernel, question: ExplainQuestion): Promise<Explanation> {
  const { decisions } = kernel;
  if (decisions === null) {
    return Promise.reject(
      new OperationalError('explain.disabled', 'nothing is remembered: explain.enabled is false, or explain.ringBytes 0'),
    );
  }
  const refusals = new Refusals(decisions, kernel.access.authorization);
  return new Explainer(decisions, explainWorldOf(kernel, refusals)).explain(question);
}

/** What explaining looks at beside what was remembered. */
function explainWorldOf(kernel: Kernel, refusals: Refusals): ExplainWorld {
  return {
    nowMs: () => kernel.clock.wallMs(),
    session: (clientId) => {
      const session = kernel.sessions.get(clientId);
      return session === undefined ? null : presentSession(session, refusals);
    },
    messages: (topic, fromMs, toMs) => readHistory(kernel, { filter: topic, fromMs, toMs }),
    newest: async (topic) => (await readHistory(kernel, { filter: topic, lastPerTopic: 1 }))[0] ?? null,
  };
}

function presentSession(session: Session, refusals: Refusals): PresentSession {
  return {
    isConnected: session.isConnected,
    waiting: session.waiting,
    subscriptions: Array.from(session.state.subscriptions(), ({ text, filter, options: { qos, noLocal } }) => ({
      text,
      filter,
      qos,
      noLocal,
    })),
    unfinished: session.inflight.inOrder().map(presentDelivery),
    withheld: (subscription, topic) => withheld(session, subscription, topic, refusals),
  };
}

function presentDelivery({ packetId, qos, message, retain, state }: Delivery): PresentDelivery {
  const { topic, receivedAtMs } = message;
  return { packetId, qos: qos as 1 | 2, topic, retain, isReceived: state === DeliveryState.Released, receivedAtMs };
}

function withheld(session: Session, { text, qos }: PresentSubscription, topic: string, refusals: Refusals): RefusalCause | null {
  const mayReceive = session.state.subscription(text)?.mayReceive ?? null;
  if (mayReceive === null || mayReceive(topic)) return null;
  return refusals.causeOf(principalOf(session), { action: 'receive', topic, qos });
}

/** `$` topics are not kept, and as filters they would be valid. */
async function readHistory({ history }: Kernel, query: HistoryQuery): Promise<readonly KnownMessage[]> {
  if (history === null || !history.keeps(query.filter)) return [];
  const reading = history.read(query);
  const messages: KnownMessage[] = [];
  while (!reading.isDone && messages.length < MESSAGES_MAX) {
    for (const { offset, message } of await reading.next(MESSAGES_MAX)) {
      messages.push({ receivedAtMs: message.receivedAtMs, publisher: message.publisher, offset });
    }
  }
  return messages;
}

import type { Finding, Refuser } from './explanation.ts';

type Without<Keys extends PropertyKey, Type> = Type extends unknown ? Omit<Type, Keys> : never;

/** A finding before it is put into words. */
export type Fact = Without<'text', Finding>;

/** Wall clock as people and programs read it, in UTC. */
function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** The finding in words. `clientId` is never part of them: it is what was asked. */
export function withText(fact: Fact): Finding {
  return { ...fact, text: sentence(fact) };
}

function sentence(fact: Fact): string {
  const at = timeOf(fact.atMs);
  switch (fact.kind) {
    case 'delivered':
      return delivered(fact);
    case 'unacknowledged':
      return unacknowledged(fact);
    case 'queued':
      return `It waits in the client's queue since ${at}, with ${fact.waiting} message(s) waiting in all, ${waitsFor[fact.waitingFor]}`;
    case 'no-session':
      return noSession(fact);
    case 'no-subscription':
      return noSubscription(fact);
    case 'subscription-refused':
      return `The client asked for ${fact.filter} at ${at} and was refused by ${refuser(fact)} with reason code ${hex(fact.reasonCode)}: it has no subscription that matches. ${mend(fact)}`;
    case 'topic-withheld':
      return `The client's subscription ${fact.filter} matches, but ${refuser(fact)} keeps this topic from the client. ${mend(fact)}`;
    case 'publish-refused':
      return `The PUBLISH of ${fact.publisher} at ${at} was refused by ${refuser(fact)}: nobody got the message. ${mend(fact)}`;
    case 'offline-qos-0':
      return `${messages(fact.count)} at QoS 0 while the client was not connected${since(fact.offlineSinceMs)} (${at}), and QoS 0 is not kept: publish and subscribe with QoS 1 and keep the session, or set session.storeQoS0.`;
    case 'no-local':
      return `The client published ${fact.count > 1 ? `the ${fact.count} messages` : 'the message'} itself at ${at}, and its subscription says No Local: subscribe without No Local to get one's own messages.`;
    case 'queue-full':
      return `${messages(fact.count)} at ${at}, since the client's queue was full${queued(fact.queuedAtMs)}: raise session.queueMessagesMax or queueBytesMax, or have the client read more often.`;
    case 'expired':
      return `${messages(fact.count)} at ${at}, since its Message Expiry Interval had passed${queued(fact.queuedAtMs)}: publish with a longer one, or connect more often.`;
    case 'too-large':
      return `${messages(fact.count)} at ${at}, since the PUBLISH would be larger than the Maximum Packet Size that the client said in CONNECT: raise it there.`;
    case 'session-ended':
      return `${messages(fact.count)} when the client's session ended at ${at}${queued(fact.queuedAtMs)}: keep the session (Clean Start false with a Session Expiry Interval; Clean Session 0 in MQTT 3.1.1).`;
    case 'dropped':
      return `${messages(fact.count)} at ${at}${queued(fact.queuedAtMs)}: ${dropTexts[fact.reason] ?? fact.reason}.`;
    case 'rewritten':
      return fact.to === null
        ? `The message was rewritten to another topic at ${at}; which one is not known any more.`
        : `The message was rewritten to ${fact.to} at ${at}, by a rule in rewrite, by delayed publish or by a hook: subscribe to that. What became of it there follows.`;
    case 'delayed':
      return `Delayed publish took the message at ${at}; it is published at ${timeOf(fact.dueAtMs)}. What becomes of it then is another question: ask about that time.`;
    case 'taken':
      return `A hook of the embedding program took the message at ${at}: nobody got it from the broker.`;
    case 'silenced':
      return `The message at ${at} cleared the retained message of the topic, and retained.stopPublishClearMessage keeps such messages from subscribers.`;
    case 'other-member':
      return fact.reason === null
        ? `The client has the topic by the shared subscription ${fact.filter} only, and another member of the group got the message of ${at}, or it waits for the group: subscribe without $share to get every message.`
        : `The client has the topic by the shared subscription ${fact.filter} only, and the message of ${at} came to nothing for the whole group: ${dropTexts[fact.reason] ?? fact.reason}.`;
    case 'not-published':
      return `Nothing was published to this topic ${fact.sinceMs === fact.atMs ? `since ${at}, when the record begins` : `near ${at}`}: compare the topic with the publisher's, letter by letter (case and slashes count), and see whether the publisher was connected.`;
    case 'not-known':
      return notKnown(fact);
  }
}

type Of<Kind extends Finding['kind']> = Extract<Fact, { kind: Kind }>;

function delivered(fact: Of<'delivered'>): string {
  const { qos, count, acknowledgement, packetId } = fact;
  const what = fact.retain ? 'retained message' : 'message';
  if (qos === 0) {
    const sent =
      count > 1 ? `${count} ${what}s were sent to the client from ${timeOf(fact.atMs)} on, within a second,` : sentText(fact, what);
    return `${sent} at QoS 0, which nobody acknowledges: if the client did not see it, look there, or use QoS 1.`;
  }
  const said = acknowledgement === null ? '' : `, and acknowledged with ${acknowledgement.packet} at ${timeOf(acknowledgement.atMs)}`;
  const end = acknowledgement?.packet === 'refused' ? `, and refused by the client at ${timeOf(acknowledgement.atMs)} with a PUBREC` : said;
  return `${sentText(fact, what)} at QoS ${qos} with packet identifier ${packetId}${resent(fact.resentAtMs)}${end}: the client has it.`;
}

function unacknowledged(fact: Of<'unacknowledged'>): string {
  const missing = fact.qos === 1 ? 'PUBACK' : fact.acknowledgement === null ? 'PUBREC' : 'PUBCOMP';
  const got = fact.acknowledgement === null ? '' : ` PUBREC came at ${timeOf(fact.acknowledgement.atMs)}.`;
  const sent = `${sentText(fact, 'message')} at QoS ${fact.qos} with packet identifier ${fact.packetId}${resent(fact.resentAtMs)}.${got}`;
  if (fact.sessionEndedAtMs !== null) return `${sent} ${missing} never came, and the session ended at ${timeOf(fact.sessionEndedAtMs)}.`;
  return `${sent} ${missing} has not come: see whether the client still reads and acknowledges what it handles.`;
}

function noSession(fact: Of<'no-session'>): string {
  const ended = fact.endedAtMs === null ? '' : `; its session had ended at ${timeOf(fact.endedAtMs)}`;
  const opened = fact.openedAtMs === null ? '' : `; it came at ${timeOf(fact.openedAtMs)}`;
  return `The client had no session at ${timeOf(fact.atMs)}${ended}${opened}: keep the session (Clean Start false with a Session Expiry Interval; Clean Session 0 in MQTT 3.1.1), subscribe before, and with QoS 1.`;
}

function noSubscription({ atMs, nearest, endedAtMs }: Of<'no-subscription'>): string {
  const head = `The client had no subscription that matches at ${timeOf(atMs)}`;
  if (nearest === null) return `${head}, nor one that is like the topic: subscribe to it.`;
  if (endedAtMs !== null) return `${head}: it had ended ${nearest.filter} at ${timeOf(endedAtMs)}. Subscribe again.`;
  return `${head}; the nearest is ${nearest.filter}: compare it with the topic, level by level (case and slashes count).`;
}

function notKnown({ atMs, reachesBackToMs, publisher }: Of<'not-known'>): string {
  const message = publisher === null ? '' : ` The history has a message of ${timeOf(atMs)}, published by ${publisher}.`;
  return `What became of it is not known any more: the record reaches back to ${timeOf(reachesBackToMs)}.${message} A larger explain.ringBytes reaches back further.`;
}

function sentText({ atMs, queuedAtMs }: { atMs: number; queuedAtMs: number | null }, what: string): string {
  const waited = queuedAtMs === null ? '' : `waited in the queue since ${timeOf(queuedAtMs)}, and `;
  return `The ${what} ${waited}was sent to the client at ${timeOf(atMs)}`;
}

function resent(resentAtMs: number | null): string {
  return resentAtMs === null ? '' : `, again at ${timeOf(resentAtMs)}`;
}

function messages(count: number): string {
  return count > 1 ? `${count} messages were dropped` : 'The message was dropped';
}

function queued(queuedAtMs: number | null): string {
  return queuedAtMs === null ? '' : ` (it had waited since ${timeOf(queuedAtMs)})`;
}

function since(ms: number | null): string {
  return ms === null ? '' : ` since ${timeOf(ms)}`;
}

function refuser({ by, rule, ruleText }: Refuser): string {
  if (by === 'rule') return `authorization.rules[${rule}]${ruleText === '' ? '' : ` (${ruleText})`}`;
  return ruleText === '' ? refusers[by] : `${refusers[by]} (${ruleText})`;
}

function mend({ by }: Refuser): string {
  return mendings[by];
}

function hex(code: number): string {
  return `0x${code.toString(16).padStart(2, '0')}`;
}

const refusers: Record<Exclude<Refuser['by'], 'rule'>, string> = {
  default: 'authorization.default, since no rule fits',
  hook: 'a hook',
  'no-room': 'want of room: the disk or a queue is full',
  server: 'what the broker allows',
};

const mendings: Record<Refuser['by'], string> = {
  rule: 'Change that rule, or put one that allows it before it.',
  default: 'Add a rule that allows it.',
  hook: 'Ask whoever wrote the hook.',
  'no-room': 'Make room, or set session.overflow to drop-oldest.',
  server: 'See mqtt and limits in the configuration.',
};

const waitsFor: Record<Of<'queued'>['waitingFor'], string> = {
  client: 'until the client connects.',
  reading: 'until the client reads what it was sent: see whether it is stuck.',
  acknowledgements: 'until the client acknowledges what it has: see whether it does, or raise its Receive Maximum or session.inflightMax.',
  others: 'behind other messages, which the client gets first.',
};

const dropTexts: Partial<Record<Of<'dropped'>['reason'], string>> = {
  'outbox-full': 'at QoS 0, the client did not read what it had been sent; use QoS 1, or make the client faster',
  'store-full': 'the disk is full; make room',
  damaged: 'its record on disk is damaged; see the log',
  'no-member': 'no member of the group could take it',
  'not-authorized': 'nobody in the group may receive the topic',
  rejected: 'a hook rejected it for this client',
  undeliverable: 'it was delivered too often without being acknowledged; see sharedSubscriptions.deliveriesMax',
  'queue-full': 'the queue of the group was full',
  expired: 'its Message Expiry Interval had passed',
};

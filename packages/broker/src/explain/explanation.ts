import type { DropReason } from '#base/counters.ts';

/** What is asked: why this client did or did not get a message of this topic. */
export interface ExplainQuestion {
  readonly clientId: string;
  /** A topic name. */
  readonly topic: string;
  /** About when it was published; else it is about the newest message. */
  readonly at?: Date | number;
}

/** What every finding says. */
interface Found {
  /** The topic that it is about: another than that of the question behind a rewriting. */
  readonly topic: string;
  /** When that was decided, wall clock in milliseconds; what is counted with others is known to a second. */
  readonly atMs: number;
  /** In one or two sentences, and what to do about it where something can be done. */
  readonly text: string;
}

/** What a client sent back, and when. */
export interface Acknowledgement {
  /** `refused`: a PUBREC with a reason code of 0x80 or more. */
  readonly packet: 'PUBACK' | 'PUBREC' | 'PUBCOMP' | 'refused';
  readonly atMs: number;
}

/** What is the matter with a delivery that went out. */
interface SentFacts {
  readonly qos: 0 | 1 | 2;
  /** Null at QoS 0. */
  readonly packetId: number | null;
  /** RETAIN was set. */
  readonly retain: boolean;
  /** From when it had waited in the queue; null when it had not. */
  readonly queuedAtMs: number | null;
  /** When it was sent last, where that was more than once; else null. */
  readonly resentAtMs: number | null;
}

/** Who said no. `rule`: its place in `authorization.rules`, from 0. */
export type Refuser =
  | { readonly by: 'rule'; readonly rule: number; readonly ruleText: string }
  | { readonly by: 'default' | 'hook' | 'no-room' | 'server'; readonly rule: null; readonly ruleText: string };

/** A subscription that is or was there. */
export interface KnownSubscription {
  /** Its name, `$share/...` included. */
  readonly filter: string;
  readonly qos: 0 | 1 | 2;
  readonly noLocal: boolean;
}

/** Why a delivery waits. */
export type WaitingFor = 'client' | 'reading' | 'acknowledgements' | 'others';

/** One thing that was found out. */
export type Finding = Found &
  (
    | (SentFacts & { readonly kind: 'delivered'; readonly count: number; readonly acknowledgement: Acknowledgement | null })
    | (SentFacts & {
        readonly kind: 'unacknowledged';
        /** PUBREC, when it has come and PUBCOMP is missing. */
        readonly acknowledgement: Acknowledgement | null;
        readonly sessionEndedAtMs: number | null;
      })
    | { readonly kind: 'queued'; readonly qos: 0 | 1 | 2; readonly waitingFor: WaitingFor; readonly waiting: number }
    | {
        readonly kind: 'no-session';
        /** When it had ended, and when the next one began; null where that is not known or was not. */
        readonly endedAtMs: number | null;
        readonly openedAtMs: number | null;
      }
    | { readonly kind: 'no-subscription'; readonly nearest: KnownSubscription | null; readonly endedAtMs: number | null }
    | ({ readonly kind: 'subscription-refused'; readonly filter: string; readonly reasonCode: number } & Refuser)
    | ({ readonly kind: 'topic-withheld'; readonly filter: string } & Refuser)
    | ({ readonly kind: 'publish-refused'; readonly publisher: string } & Refuser)
    | { readonly kind: 'offline-qos-0'; readonly count: number; readonly offlineSinceMs: number | null }
    | { readonly kind: 'no-local'; readonly count: number }
    | {
        readonly kind: 'queue-full' | 'expired' | 'too-large' | 'session-ended';
        readonly count: number;
        readonly queuedAtMs: number | null;
      }
    | { readonly kind: 'dropped'; readonly reason: DropReason; readonly count: number; readonly queuedAtMs: number | null }
    | { readonly kind: 'rewritten'; readonly to: string | null }
    | { readonly kind: 'delayed'; readonly dueAtMs: number }
    | { readonly kind: 'taken' }
    | { readonly kind: 'silenced' }
    | { readonly kind: 'other-member'; readonly filter: string; readonly reason: DropReason | null }
    | { readonly kind: 'not-published'; readonly sinceMs: number }
    | {
        readonly kind: 'not-known';
        /** From when on everything is known. */
        readonly reachesBackToMs: number;
        /** The message, where the history has it. */
        readonly publisher: string | null;
        readonly offset: number | null;
      }
  );

export type FindingKind = Finding['kind'];

export interface Explanation {
  readonly clientId: string;
  readonly topic: string;
  /** As it was asked; null: the newest message. */
  readonly at: number | null;
  /** What matters most comes first. */
  readonly findings: readonly Finding[];
  /** The first finding, and how many more there are. */
  readonly summary: string;
}

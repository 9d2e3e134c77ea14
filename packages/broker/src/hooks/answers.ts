import { inspect } from 'node:util';
import { ReasonCode } from '@wrenmq/codec';
import { Message } from '#message/message.ts';
import type { GateAnswer, SubscriptionRequest } from './points.ts';

// Hooks come from outside as well, so that their types are no proof: what is no answer throws, as if the hook had.

/** What PUBACK and PUBREC may say no with (3.4.2.1). */
const publishCodes: ReadonlySet<unknown> = new Set([
  ReasonCode.UnspecifiedError,
  ReasonCode.ImplementationSpecificError,
  ReasonCode.NotAuthorized,
  ReasonCode.TopicNameInvalid,
  ReasonCode.QuotaExceeded,
  ReasonCode.PayloadFormatInvalid,
]);

/** What SUBACK may say no with (3.9.3). */
const subscribeCodes: ReadonlySet<unknown> = new Set([
  ReasonCode.UnspecifiedError,
  ReasonCode.ImplementationSpecificError,
  ReasonCode.NotAuthorized,
  ReasonCode.TopicFilterInvalid,
  ReasonCode.QuotaExceeded,
  ReasonCode.SharedSubscriptionsNotSupported,
  ReasonCode.SubscriptionIdentifiersNotSupported,
  ReasonCode.WildcardSubscriptionsNotSupported,
]);

/** What CONNACK may say no with (3.2.2.2). */
const connectCodes: ReadonlySet<unknown> = new Set([
  ReasonCode.UnspecifiedError,
  ReasonCode.ImplementationSpecificError,
  ReasonCode.ClientIdentifierNotValid,
  ReasonCode.BadUserNameOrPassword,
  ReasonCode.NotAuthorized,
  ReasonCode.ServerUnavailable,
  ReasonCode.ServerBusy,
  ReasonCode.Banned,
  ReasonCode.QuotaExceeded,
  ReasonCode.UseAnotherServer,
  ReasonCode.ServerMoved,
  ReasonCode.ConnectionRateExceeded,
]);

/** The reason codes with which a gate or a transform may refuse, by the packet that carries them. */
export const refusalCodes = { connect: connectCodes, subscribe: subscribeCodes, publish: publishCodes } as const;

export function gateAnswer(answer: unknown, codes: ReadonlySet<unknown>): GateAnswer {
  if (answer === 'allow' || answer === 'abstain') return answer;
  return { deny: refusalCode(answer, 'deny', codes) };
}

/** The reason code of a `{reject}`. */
export function rejection(answer: unknown, codes: ReadonlySet<unknown>): number {
  return refusalCode(answer, 'reject', codes);
}

export function isMessage(answer: unknown): answer is Message {
  return answer instanceof Message;
}

export function isSubscriptionRequest(answer: unknown): answer is SubscriptionRequest {
  if (typeof answer !== 'object' || answer === null) return false;
  const { filter, qos } = answer as { [name in keyof SubscriptionRequest]?: unknown };
  return typeof filter === 'string' && (qos === 0 || qos === 1 || qos === 2);
}

function refusalCode(answer: unknown, name: 'deny' | 'reject', codes: ReadonlySet<unknown>): number {
  // An asynchronous hook where none may be: its failure would be nobody's.
  if (answer instanceof Promise) answer.catch(() => {});
  if (typeof answer === 'object' && answer !== null && name in answer) {
    const code = (answer as Record<typeof name, unknown>)[name];
    if (codes.has(code)) return code as number;
  }
  throw new TypeError(`a hook answered ${inspect(answer, { depth: 1, breakLength: Infinity }).slice(0, 200)}`);
}

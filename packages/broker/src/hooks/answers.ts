import { inspect } from 'node:util';
import { canCarryReasonCode, PacketType, ReasonCode } from '@wrenmq/codec';
import { Message } from '#message/message.ts';
import type { GateAnswer, SubscriptionRequest } from './points.ts';

// Hooks come from outside as well, so that their types are no proof: what is no answer throws, as if the hook had.

/** The packet that carries a refusal: the reason codes that it may carry are those that a hook may refuse with. */
export const RefusalPacket = { connect: PacketType.CONNACK, subscribe: PacketType.SUBACK, publish: PacketType.PUBACK } as const;
export type RefusalPacket = (typeof RefusalPacket)[keyof typeof RefusalPacket];

export function gateAnswer(answer: unknown, packet: RefusalPacket): GateAnswer {
  if (answer === 'allow' || answer === 'abstain') return answer;
  return { deny: refusalCode(answer, 'deny', packet) };
}

/** The reason code of a `{reject}`. */
export function rejection(answer: unknown, packet: RefusalPacket): number {
  return refusalCode(answer, 'reject', packet);
}

export function isMessage(answer: unknown): answer is Message {
  return answer instanceof Message;
}

export function isSubscriptionRequest(answer: unknown): answer is SubscriptionRequest {
  if (typeof answer !== 'object' || answer === null) return false;
  const { filter, qos, match } = answer as { [name in keyof SubscriptionRequest]?: unknown };
  return typeof filter === 'string' && (qos === 0 || qos === 1 || qos === 2) && (match === undefined || typeof match === 'string');
}

function refusalCode(answer: unknown, name: 'deny' | 'reject', packet: RefusalPacket): number {
  // An asynchronous hook where none may be: its failure would be nobody's.
  if (answer instanceof Promise) answer.catch(() => {});
  if (typeof answer === 'object' && answer !== null && name in answer) {
    const code = (answer as Record<typeof name, unknown>)[name];
    if (typeof code === 'number' && code >= ReasonCode.UnspecifiedError && canCarryReasonCode(packet, code)) return code;
  }
  throw new TypeError(`a hook answered ${inspect(answer, { depth: 1, breakLength: Infinity }).slice(0, 200)}`);
}

import { randomBytes } from 'node:crypto';
import { type ConnackPacket, reasonName } from '@wrenmq/codec';
import type { WireBroker } from './wire-broker.ts';
import { WireSession } from './wire-session.ts';

export interface ConnectedSession {
  readonly session: WireSession;
  readonly connack: ConnackPacket;
  /** Until the stream was open: TCP, and TLS or WebSocket where they are used. */
  readonly streamMs: number;
  /** From CONNECT to CONNACK. */
  readonly connectMs: number;
}

/** The broker answered, but does not want us. */
export class RefusedError extends Error {
  constructor(detail: string) {
    super(`the broker refuses the connection: ${detail}`);
    this.name = 'RefusedError';
  }
}

/** Connects in the version that is asked for; in 5, and else in 3.1.1, when none is. */
export async function connectSession(broker: WireBroker): Promise<ConnectedSession> {
  if (broker.version !== undefined) return connectIn(broker, broker.version);
  return connectIn(broker, 5).catch((error: unknown) => {
    // A broker without MQTT 5 refuses in a form of its own, or closes.
    if (error instanceof RefusedError) return connectIn(broker, 4);
    throw error;
  });
}

async function connectIn(broker: WireBroker, version: 4 | 5): Promise<ConnectedSession> {
  const startedAt = performance.now();
  const session = await WireSession.open(broker.target, version);
  const openedAt = performance.now();
  const clientId = broker.clientId ?? `wrenmq-${randomBytes(6).toString('hex')}`;
  const answer = await session
    .connect({ clientId, cleanStart: true, keepAlive: broker.keepAlive, ...broker.credentials })
    .catch((error: Error) => error);
  if (answer !== null && !(answer instanceof Error) && answer.reasonCode === 0)
    return { session, connack: answer, streamMs: openedAt - startedAt, connectMs: performance.now() - openedAt };
  session[Symbol.dispose]();
  if (answer instanceof Error) throw answer.name === 'ProtocolError' ? new RefusedError(answer.message) : answer;
  throw new RefusedError(answer === null ? 'closed without a word' : refusal(answer, version));
}

function refusal({ reasonCode, properties }: ConnackPacket, version: 4 | 5): string {
  const name = version === 5 ? reasonName(reasonCode) : `return code ${reasonCode}`;
  return `CONNACK ${name}${properties?.reasonString === undefined ? '' : `: ${properties.reasonString}`}`;
}

import type { ProtocolVersion } from './packet-type.ts';
import { ReasonCode, reasonName } from './reason-code.ts';

/**
 * Bytes that break the rules of MQTT, or a packet that would break them if it were sent. Nothing else is thrown by the
 * codec, whatever the input.
 */
export class ProtocolError extends Error {
  /** MQTT 5 reason code to answer with; `connackReturnCode` gives the older form. */
  readonly reasonCode: number;
  /** The statement that was broken: a clause id like `MQTT-3.3.1-4`, or a section number where the standard has no id. */
  readonly clause: string;
  /** What the author of a broken CONNECT speaks, as soon as its protocol name and level are known to be supported. */
  version: ProtocolVersion | undefined = undefined;
  /**
   * In which version's form to answer a broken or too large CONNECT: `version` when that is known, else the nearest that we speak.
   * Undefined when the CONNECT broke before its protocol level: then close without an answer.
   */
  connectVersion: ProtocolVersion | undefined = undefined;

  constructor(reasonCode: number, clause: string, detail: string) {
    super(`${detail} (${reasonName(reasonCode)}, ${clause})`);
    this.name = 'ProtocolError';
    this.reasonCode = reasonCode;
    this.clause = clause;
  }
}

/** 0x81: the bytes cannot be parsed according to the standard. */
export function malformed(clause: string, detail: string): ProtocolError {
  return new ProtocolError(ReasonCode.MalformedPacket, clause, detail);
}

/** 0x82: the bytes parse, but their meaning is not allowed. */
export function violation(clause: string, detail: string): ProtocolError {
  return new ProtocolError(ReasonCode.ProtocolError, clause, detail);
}

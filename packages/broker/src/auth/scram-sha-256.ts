import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { ReasonCode } from '@wrenmq/codec';
import { decodeBase64 } from './base64.ts';
import type { EnhancedExchange, EnhancedMethod, MethodStep } from './enhanced-method.ts';
import { prepareSaslText } from './sasl-prep.ts';
import type { ScramCredential } from './scram-credential.ts';
import { SCRAM_ITERATIONS, SCRAM_SALT_BYTES, hmacSha256, sha256 } from './scram-credential.ts';
import type { User } from './user.ts';

export interface ScramOptions {
  readonly users: { find(name: string): User | undefined };
  /**
   * Salts of users who do not exist are derived from it. Keep it over restarts: a salt that changes gives such a user away.
   */
  readonly serverSecret: Uint8Array;
  /** The server's part of the nonce: printable, without a comma. */
  readonly makeNonce?: () => string;
}

/** Longer messages are no SCRAM of ours. */
const MESSAGE_BYTES_MAX = 4096;
const NONCE_BYTES = 24;

/**
 * SCRAM-SHA-256 as the server (RFC 5802, RFC 7677), without channel binding. The client never shows its password; after success it
 * knows that the broker knows it too.
 */
export class ScramSha256 implements EnhancedMethod {
  readonly name = 'SCRAM-SHA-256';
  readonly #options: ScramOptions;

  constructor(options: ScramOptions) {
    this.#options = options;
  }

  start(): EnhancedExchange {
    return new ScramExchange(this.#options);
  }
}

class ScramExchange implements EnhancedExchange {
  readonly #options: ScramOptions;
  claimedUsername: string | null = null;
  #stage: 'first' | 'final' | 'over' = 'first';
  #user: User | undefined;
  #credential: ScramCredential | null = null;
  #channelHeader = '';
  #nonce = '';
  /** client-first-message-bare ',' server-first-message */
  #transcript = '';

  constructor(options: ScramOptions) {
    this.#options = options;
  }

  proceed(data: Uint8Array | null): MethodStep {
    const stage = this.#stage;
    this.#stage = 'over';
    const message = data === null ? null : decodeMessage(data);
    if (message === null) return refuse('the message is missing, too long or not UTF-8');
    if (stage === 'first') return this.#takeFirst(message);
    return stage === 'final' ? this.#takeFinal(message) : refuse('the exchange is over');
  }

  // client-first-message = ('n' | 'y') ',' ['a=' name] ',' 'n=' name ',r=' nonce [',' extensions]
  #takeFirst(message: string): MethodStep {
    if (message.startsWith('p=')) return refuse('channel binding is not offered');
    const parts = /^([ny],(?:a=([^,]*))?,)(n=([^,]*),r=([\x21-\x2b\x2d-\x7e]{8,256})(?:,.*)?)$/su.exec(message);
    if (parts === null) return refuse('the first message is malformed');
    const [, channelHeader, authorizationName, bare, authenticationName, clientNonce] = parts;
    const username = decodeName(authenticationName);
    if (username === null) return refuse('the user name is malformed');
    if (authorizationName !== undefined && authorizationName !== authenticationName)
      return refuse('acting for somebody else is not offered');
    this.claimedUsername = username;
    this.#user = this.#options.users.find(username);
    this.#credential = this.#user?.scram ?? null;
    this.#channelHeader = channelHeader;
    this.#nonce = clientNonce + (this.#options.makeNonce ?? makeNonce)();
    const salt = this.#credential?.salt ?? this.#decoySalt(username);
    const serverFirst = `r=${this.#nonce},s=${salt.toString('base64')},i=${this.#credential?.iterations ?? SCRAM_ITERATIONS}`;
    this.#transcript = `${bare},${serverFirst}`;
    this.#stage = 'final';
    return { kind: 'continue', data: Buffer.from(serverFirst) };
  }

  // client-final-message = 'c=' base64(channel header) ',r=' nonce [',' extensions] ',p=' base64(proof)
  #takeFinal(message: string): MethodStep {
    const parts = /^(c=([^,]*),r=([^,]*)(?:,.*)?),p=([^,]*)$/su.exec(message);
    if (parts === null) return refuse('the last message is malformed');
    const [, withoutProof, channelText, nonce, proofText] = parts;
    if (channelText !== Buffer.from(this.#channelHeader).toString('base64')) return refuse('the channel header changed');
    if (nonce !== this.#nonce) return refuse('the nonce changed');
    const proof = decodeBase64(proofText);
    if (proof?.length !== 32) return refuse('the proof is malformed');
    const authMessage = `${this.#transcript},${withoutProof}`;
    const user = this.#user;
    const credential = this.#credential;
    // Somebody who does not exist costs the same and fails the same.
    const storedKey = credential?.storedKey ?? randomBytes(32);
    const clientKey = hmacSha256(storedKey, authMessage).map((byte, index) => byte ^ proof[index]);
    const isProven = timingSafeEqual(sha256(clientKey), storedKey);
    // A reload between the messages may have taken the user away.
    const isCurrent = user !== undefined && this.#options.users.find(user.name) === user;
    if (!isProven || !isCurrent || credential === null) {
      return { kind: 'fail', reasonCode: ReasonCode.BadUserNameOrPassword, reason: 'unknown user name or wrong password' };
    }
    const signature = hmacSha256(credential.serverKey, authMessage).toString('base64');
    return { kind: 'success', data: Buffer.from(`v=${signature}`), grant: { username: user.name, isSuperuser: user.isSuperuser } };
  }

  #decoySalt(username: string): Buffer {
    return createHmac('sha256', this.#options.serverSecret).update(username).digest().subarray(0, SCRAM_SALT_BYTES);
  }
}

function makeNonce(): string {
  return randomBytes(NONCE_BYTES).toString('base64');
}

function decodeMessage(data: Uint8Array): string | null {
  if (data.length > MESSAGE_BYTES_MAX) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return null;
  }
}

/** saslname: a comma is written `=2C` and an equals sign `=3D`; nothing else may follow `=`. */
function decodeName(text: string): string | null {
  if (/=(?!2C|3D)/.test(text)) return null;
  return prepareSaslText(text.replaceAll('=2C', ',').replaceAll('=3D', '='));
}

function refuse(reason: string): MethodStep {
  return { kind: 'fail', reasonCode: ReasonCode.NotAuthorized, reason };
}

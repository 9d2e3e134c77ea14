import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReasonCode } from '@wrenmq/codec';
import { refusalReasons } from '#base/counters.ts';
import { refusalReasonOf } from './refusal-reason.ts';

test('every reason code is counted under a reason that exists', () => {
  for (const code of Object.values(ReasonCode)) assert.ok(refusalReasons.includes(refusalReasonOf(code)), `0x${code.toString(16)}`);
});

test('what an operator must tell apart is told apart', () => {
  const expected = {
    MalformedPacket: 'malformed',
    ProtocolError: 'protocol-error',
    BadUserNameOrPassword: 'credentials',
    NotAuthorized: 'not-authorized',
    ServerBusy: 'overloaded',
    QuotaExceeded: 'quota',
    KeepAliveTimeout: 'keep-alive',
    SessionTakenOver: 'taken-over',
    ServerShuttingDown: 'shutdown',
    ImplementationSpecificError: 'internal',
  } as const;
  for (const [name, reason] of Object.entries(expected)) assert.equal(refusalReasonOf(ReasonCode[name as keyof typeof expected]), reason);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { FailureDamper, defaultDamperLimits } from './failure-damper.ts';
import { identityOf, localIdentityOf } from './test-identity.ts';

const limits = { ...defaultDamperLimits, failuresPerUserMax: 3, failuresPerAddressMax: 6, entriesMax: 20 };
const mallory = identityOf({ peerAddress: '192.0.2.66' });
const elsewhere = identityOf({ peerAddress: '192.0.2.7' });

function damperWith(clock: FakeClock): FailureDamper {
  return new FailureDamper(clock, limits);
}

function failOften(damper: FailureDamper, times: number, username = 'alice', identity = mallory): void {
  for (let count = 0; count < times; count += 1) damper.recordFailure(identity, username);
}

test('a name is locked where it was guessed, and nowhere else', () => {
  const damper = damperWith(new FakeClock());
  failOften(damper, 2);
  assert.equal(damper.isLocked(mallory, 'alice'), false);
  failOften(damper, 1);
  assert.equal(damper.isLocked(mallory, 'alice'), true);
  assert.equal(damper.isLocked(mallory, 'bob'), false);
  assert.equal(damper.isLocked(elsewhere, 'alice'), false, 'nobody can lock alice out from elsewhere');
});

test('a lock ends by itself, and each further one is longer, up to the bound', () => {
  const clock = new FakeClock();
  const damper = damperWith(clock);
  for (const lockMs of [30_000, 60_000, 120_000]) {
    failOften(damper, 3);
    clock.advance(lockMs - 1);
    assert.equal(damper.isLocked(mallory, 'alice'), true);
    clock.advance(1);
    assert.equal(damper.isLocked(mallory, 'alice'), false);
  }
  failOften(damper, 300);
  clock.advance(limits.lockMaxMs - 1);
  assert.equal(damper.isLocked(mallory, 'alice'), true);
  clock.advance(1);
  assert.equal(damper.isLocked(mallory, 'alice'), false);
});

test('failures that lie far apart, and a success between them, lock nobody', () => {
  const clock = new FakeClock();
  const damper = damperWith(clock);
  failOften(damper, 2);
  clock.advance(limits.windowMs);
  failOften(damper, 2);
  assert.equal(damper.isLocked(mallory, 'alice'), false);
  damper.recordSuccess(mallory, 'alice');
  failOften(damper, 1);
  assert.equal(damper.isLocked(mallory, 'alice'), false);
});

test('an address that tries many names is locked as a whole; an IPv6 network of one client is one address', () => {
  const damper = damperWith(new FakeClock());
  const addresses = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::2', '2001:0db8:0001:0002:0:0:0:3'];
  for (let count = 0; count < 6; count += 1) damper.recordFailure(identityOf({ peerAddress: addresses[count % 3] }), `name-${count}`);
  assert.equal(damper.isLocked(identityOf({ peerAddress: '2001:db8:1:2::9' }), 'somebody'), true);
  assert.equal(damper.isLocked(identityOf({ peerAddress: '2001:db8:1:3::9' }), 'somebody'), false);
  failOften(damper, 3, 'alice', identityOf({ peerAddress: '::ffff:192.0.2.66' }));
  assert.equal(damper.isLocked(mallory, 'alice'), true, 'an IPv4 client is the same on a socket for both');
});

test('loopback listeners lock nobody', () => {
  const damper = damperWith(new FakeClock());
  failOften(damper, 1000, 'alice', localIdentityOf());
  assert.equal(damper.isLocked(localIdentityOf(), 'alice'), false);
});

test('what is remembered is bounded, and names of any length fit', () => {
  const damper = new FailureDamper(new FakeClock(), { ...limits, failuresPerAddressMax: 1_000_000 });
  failOften(damper, 3, 'alice');
  for (let count = 0; count < 100; count += 1) damper.recordFailure(mallory, 'x'.repeat(65_000) + count);
  assert.equal(damper.isLocked(mallory, 'alice'), false, 'the oldest was dropped');
});

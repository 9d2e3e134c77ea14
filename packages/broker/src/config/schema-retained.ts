import { z } from 'zod';
import { parseTopicFilter } from '#topic/topic-filter.ts';
import { bytes, count, durationInSeconds, key, ratePerSecond, section } from './schema-key.ts';

const HISTORY_RULES_MAX = 100;

const historyRule = z
  .strictObject({
    filter: key(
      'live',
      'The topics that it is about: a topic filter. The first rule decides whose filter matches.',
      z.string().max(65_535),
    ),
    messages: key('live', 'How many messages of a topic are kept, the retained one among them, 1 to 1000.', count(1, 1000)),
    bytesMax: key(
      'live',
      'Bytes of the older messages of one topic, 1KiB to 16MiB; the oldest give way.',
      bytes({ min: '1KiB', max: '16MiB' }).prefault('1MiB'),
    ),
  })
  .superRefine(({ filter }, context) => {
    const parsed = parseTopicFilter(filter, Infinity);
    if (typeof parsed === 'string') context.addIssue({ code: 'custom', path: ['filter'], message: parsed });
    else if (parsed.group !== null) context.addIssue({ code: 'custom', path: ['filter'], message: 'must be a filter without $share' });
  });

export const retained = section('Retained messages; how many there may be is in limits.', {
  payloadBytesMax: key(
    'live',
    'Longest payload that is retained, 0 to 1GiB, or unlimited; longer ones get 0x97 Quota exceeded.',
    bytes({ min: '0', max: '1GiB' }, 'unlimited').prefault('unlimited'),
  ),
  storeRate: key(
    'live',
    'Messages that are retained per time, of all clients together, such as 1000/s, or unlimited; more get 0x97 Quota exceeded. Clearing is not limited.',
    ratePerSecond().prefault('unlimited'),
  ),
  deliveryRate: key(
    'live',
    'Retained messages that one session gets per time, such as 1000/s, or unlimited: as fast as the client takes them.',
    ratePerSecond().prefault('unlimited'),
  ),
  expiryDefault: key(
    'live',
    'Message Expiry Interval of retained messages that have none, 1s to 4294967294s, or never.',
    durationInSeconds({ min: '1s', max: '4294967294s' }, 'never').prefault('never'),
  ),
  expiryOverride: key(
    'live',
    'Message Expiry Interval of all retained messages whatever their publishers say, 1s to 4294967294s, or never; null: what they say holds.',
    durationInSeconds({ min: '1s', max: '4294967294s' }, 'never').nullable().prefault(null),
  ),
  stopPublishClearMessage: key(
    'live',
    'Whether the message with an empty payload that clears a topic is kept from those who are subscribed.',
    z.boolean().prefault(false),
  ),
  tellAuthor: key(
    'live',
    'Whether receivers of MQTT 5 are told in user properties when (retained-at, UTC) and by which client (retained-by) a retained message was published.',
    z.boolean().prefault(false),
  ),
  history: key(
    'live',
    `Topics that keep more than their last message, for those who subscribe later; at most ${HISTORY_RULES_MAX} rules.`,
    z.array(historyRule).max(HISTORY_RULES_MAX).prefault([]),
  ),
  historyMessagesMax: key(
    'live',
    'Messages of all topics with a history, 0 to 1000000000, or unlimited (up to twice the number that is kept stands in the store); above it a topic that is published to begins anew.',
    count(0, 1_000_000_000, 'unlimited').prefault(10_000_000),
  ),
  historyBytesMax: key(
    'live',
    'Bytes of all messages of topics with a history, up to 16TiB, or unlimited; above it a topic that is published to begins anew.',
    bytes({ min: '0', max: '16TiB' }, 'unlimited').prefault('4GiB'),
  ),
});

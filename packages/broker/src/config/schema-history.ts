import { z } from 'zod';
import { parseTopicFilter } from '#topic/topic-filter.ts';
import { bytes, duration, key, section } from './schema-key.ts';

const RULES_MAX = 100;
const EXCLUDED_MAX = 100;

const filter = () =>
  z
    .string()
    .max(65_535)
    .superRefine((text, context) => {
      const parsed = parseTopicFilter(text, Infinity);
      if (typeof parsed === 'string') context.addIssue({ code: 'custom', message: parsed });
      else if (parsed.group !== null) context.addIssue({ code: 'custom', message: 'must be a filter without $share' });
    });

const rule = z.strictObject({
  filter: key('live', 'The topics that it is about: a topic filter. The first rule decides whose filter matches.', filter()),
  enabled: key('live', 'Whether these messages are kept.', z.boolean().prefault(true)),
  bytesMax: key(
    'live',
    'Bytes of these messages on disk, 8MiB to 16TiB, apart from all others; the oldest give way.',
    bytes({ min: '8MiB', max: '16TiB' }).prefault('256MiB'),
  ),
  ageMax: key('live', 'How long these messages are kept, 1m to 3650d.', duration({ min: '1m', max: '3650d' }).prefault('7d')),
});

export const history = section('The history: what was published, to be read afterwards.', {
  enabled: key('live', 'Whether messages are kept; false: what is kept already stays, and gets older.', z.boolean().prefault(true)),
  bytesMax: key(
    'live',
    'Bytes on disk, 8MiB to 16TiB; the oldest messages give way. It is a quarter at most of what would be free without it, and 64MiB with durability memory.',
    bytes({ min: '8MiB', max: '16TiB' }).prefault('1GiB'),
  ),
  ageMax: key('live', 'How long messages are kept, 1m to 3650d.', duration({ min: '1m', max: '3650d' }).prefault('7d')),
  qos0BytesPerSecond: key(
    'live',
    'Bytes of messages at QoS 0 that are kept in a second, 0 to 16GiB, or unlimited; what is above is a gap, with its count.',
    bytes({ min: '0', max: '16GiB' }, 'unlimited').prefault('1MiB'),
  ),
  exclude: key(
    'live',
    `Filters of topics that are not kept, at most ${EXCLUDED_MAX}; those that begin with $ never are.`,
    z.array(filter()).max(EXCLUDED_MAX).prefault([]),
  ),
  rules: key(
    'live',
    `What is different for some topics, by a name of your own; at most ${RULES_MAX}, asked in their order.`,
    z
      .record(
        z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/, 'is not a name: a letter, then letters, digits, _, . and -, at most 64'),
        rule,
      )
      .refine((rules) => Object.keys(rules).length <= RULES_MAX, `are more than ${RULES_MAX}`)
      .prefault({}),
  ),
});

import { z } from 'zod';
import { RewriteRule } from '#topic/rewrite-rule.ts';
import { parseTopicFilter } from '#topic/topic-filter.ts';
import { TopicTemplate } from '#topic/topic-template.ts';
import { key, qos, section } from './schema-key.ts';

const AUTOMATIC_TOPICS_MAX = 100;
const REWRITE_RULES_MAX = 100;

export const exclusiveSubscriptions = section('Exclusive subscriptions, $exclusive/filter: one client at a time.', {
  enabled: key(
    'live',
    'Whether they are offered; where not, new ones get 0x8F Topic Filter invalid, and those that there are stay.',
    z.boolean().prefault(true),
  ),
});

const automaticTopic = z
  .strictObject({
    topic: key(
      'new connections',
      'The filter, which may begin with $share/group/ or $exclusive/. ${clientid}, ${username}, ${host} and ${port} stand for what the client is known by.',
      z.string().max(65_535),
    ),
    qos: key('new connections', 'The QoS of the subscription.', qos.prefault(0)),
    noLocal: key('new connections', 'Whether the client gets no messages of its own; not with $share.', z.boolean().prefault(false)),
    retainAsPublished: key(
      'new connections',
      'Whether messages keep the RETAIN flag that they were published with.',
      z.boolean().prefault(false),
    ),
    retainHandling: key(
      'new connections',
      'Retained messages: 0 at each connection, 1 when the subscription is new, 2 never.',
      z.union([z.literal(0), z.literal(1), z.literal(2)], { error: 'must be 0, 1 or 2' }).prefault(0),
    ),
  })
  .superRefine(({ topic, noLocal }, context) => {
    const template = TopicTemplate.parse(topic, { variables: ['clientid', 'username', 'host', 'port'] });
    const example = { clientid: 'c', username: 'u', host: 'h', port: '1' };
    const filter = typeof template === 'string' ? template : parseTopicFilter(template.expand(example) as string, Infinity);
    if (typeof filter === 'string') context.addIssue({ code: 'custom', path: ['topic'], message: filter });
    else if (noLocal && filter.group !== null) {
      context.addIssue({ code: 'custom', path: ['noLocal'], message: 'is not possible for a shared subscription' }); // [MQTT-3.8.3-4]
    }
  });

export const autoSubscribe = section('Subscriptions that are made for every client when it connects, as if it had asked for them.', {
  topics: key(
    'new connections',
    `What clients are subscribed to, at most ${AUTOMATIC_TOPICS_MAX}.`,
    z.array(automaticTopic).max(AUTOMATIC_TOPICS_MAX).prefault([]),
  ),
});

const rewriteRule = z
  .strictObject({
    action: key('live', 'What it is about; subscribe is UNSUBSCRIBE as well.', z.enum(['publish', 'subscribe', 'all'])),
    sourceTopic: key('live', 'The filter of the topics that it is about.', z.string().max(65_535)),
    re: key(
      'live',
      'Regular expression (RE2 syntax) that finds the parts of the topic. Where it does not fit, the topic stays.',
      z.string().min(1),
    ),
    destTopic: key(
      'live',
      'What the topic becomes: $1 and so on stand for the groups of re, ${clientid} and ${username} for the client. No wildcards, unless the action is subscribe.',
      z.string().max(65_535),
    ),
  })
  .superRefine((text, context) => {
    const rule = RewriteRule.compile(text);
    if (rule instanceof RewriteRule) return;
    for (const { key: name, message } of rule) context.addIssue({ code: 'custom', path: [name], message });
  });

export const rewrite = section('Other topics than those that clients say, for clients that cannot be changed.', {
  rules: key(
    'live',
    `Rules, at most ${REWRITE_RULES_MAX}. Of those whose sourceTopic matches, the last one decides, alone.`,
    z.array(rewriteRule).max(REWRITE_RULES_MAX).prefault([]),
  ),
});

import { publishDropped, publishReceived, publishSent, type Sample } from './sample.ts';

/** The counters that the broker has, under the names of EMQX with `/` for `.`. */
export function nodeMetrics({ counters }: Sample): [string, number][] {
  const { dropped, refused } = counters;
  return [
    ['bytes/received', counters.bytesReceived],
    ['bytes/sent', counters.bytesSent],
    ['packets/received', counters.packetsReceived],
    ['packets/sent', counters.packetsSent],
    ['packets/publish/received', publishReceived(counters)],
    ['packets/publish/sent', publishSent(counters)],
    ['packets/publish/auth_error', dropped['not-authorized']],
    ['messages/received', publishReceived(counters)],
    ['messages/sent', publishSent(counters)],
    ['messages/qos0/received', counters.publishReceivedQoS0],
    ['messages/qos0/sent', counters.publishSentQoS0],
    ['messages/qos1/received', counters.publishReceivedQoS1],
    ['messages/qos1/sent', counters.publishSentQoS1],
    ['messages/qos2/received', counters.publishReceivedQoS2],
    ['messages/qos2/sent', counters.publishSentQoS2],
    ['messages/publish', publishReceived(counters) + counters.willsPublished],
    ['messages/dropped', counters.publishUnmatched],
    ['messages/dropped/no_subscribers', counters.publishUnmatched],
    ['messages/delayed', counters.delayedAccepted],
    ['messages/delayed/published', counters.delayedPublished],
    ['messages/delayed/expired', counters.delayedExpired],
    ['messages/delayed/refused', counters.delayedRefused],
    ['delivery/dropped', publishDropped(counters)],
    ['delivery/dropped/too_large', dropped['too-large']],
    ['delivery/dropped/qos0_msg', dropped['offline-qos-0']],
    ['delivery/dropped/queue_full', dropped['queue-full'] + dropped['outbox-full']],
    ['delivery/dropped/expired', dropped.expired],
    ['client/connected', counters.clientsConnected],
    ['client/disconnected', counters.clientsDisconnected],
    ['client/subscribe', counters.subscriptionsMade],
    ['client/unsubscribe', counters.subscriptionsEnded],
    ['session/created', counters.sessionsCreated],
    ['session/resumed', counters.sessionsResumed],
    ['session/takenover', counters.sessionsTakenOver],
    ['authentication/failure', refused.credentials],
  ];
}

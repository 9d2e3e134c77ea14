import type { AuthorizationProvider, Decision, SubscribeDecision } from './authorizer.ts';
import type { Principal } from './client-identity.ts';

/** Where mosquitto's bridges announce themselves, with their client identifier between: `1` when they have come, as their will `0`. */
const start = '$SYS/broker/connection/';
const end = '/state';

/**
 * Lets every client publish its own state, as a bridge does by default. Asked behind the rules, so that they can forbid it, and
 * decided when it is asked: a rule with `%c` would have to be bound to every client.
 */
export class BridgeStateProvider implements AuthorizationProvider {
  readonly name = 'bridge-state';

  authorizePublish({ clientId }: Principal, topic: string): Decision {
    if (!topic.startsWith(start) || topic.length !== start.length + clientId.length + end.length) return 'ignore';
    const isOwn = topic.endsWith(end) && topic.startsWith(clientId, start.length);
    return isOwn && clientId !== '' && !clientId.includes('/') ? 'allow' : 'ignore';
  }

  authorizeSubscribe(): SubscribeDecision {
    return 'ignore';
  }

  mayReceive(): Decision {
    return 'ignore';
  }
}

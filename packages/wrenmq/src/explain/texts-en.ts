/** What it means, why it usually happens, and what to do; by `Reason.key`. */
export type ReasonText = readonly [meaning: string, cause: string, remedy: string];

export const TEXTS_EN: Readonly<Record<string, ReasonText>> = {
  '5/00/c': ['The packet did what it was for.', 'Everything is in order.', 'Nothing.'],
  '5/00/d': ['The connection ends in good order; the will is not published.', 'The client has finished.', 'Nothing.'],
  '5/00/s': [
    'The subscription stands, with QoS 0.',
    'QoS 0 was asked for, or the broker grants no more.',
    'Where messages must not be lost, ask for QoS 1 and look at the Maximum QoS of the broker.',
  ],
  '5/01/s': ['The subscription stands, with QoS 1.', 'QoS 1 was asked for, or the broker grants no more.', 'Nothing.'],
  '5/02/s': ['The subscription stands, with QoS 2.', 'QoS 2 was asked for.', 'Nothing.'],
  '5/04/d': ['The client leaves, and wants its will to be published nevertheless.', 'The client asked for it.', 'Nothing.'],
  '5/10/p': [
    'The broker has taken the message, but nobody subscribes to its topic.',
    'The subscriber is not there yet, or one of the two topics is misspelt.',
    "Compare the topics: wrenmq sub -t '#' -v shows what arrives. Retain the message (-r) if it is for later subscribers.",
  ],
  '5/11/u': [
    'There was no such subscription to take out.',
    'The filter differs from the one that was subscribed to, or the session is a new one.',
    'Unsubscribe with exactly the same filter, and keep the session (clean start 0).',
  ],
  '5/18/a': [
    'The authentication goes on: the other side has to answer.',
    'An authentication method with several steps, such as SCRAM.',
    'Nothing; the client answers with another AUTH.',
  ],
  '5/19/a': ['The client wants to authenticate again on this connection.', 'Its credentials are about to expire.', 'Nothing.'],
  '5/80/c': [
    'Something failed, and the broker does not say what.',
    'The broker does not want to tell, or has no better code.',
    "Read the broker's log of that moment.",
  ],
  '5/81/c': [
    'A packet could not be read: its bytes break the format.',
    'A fault of the client library, or something between the two changes bytes; also TLS spoken to a port without, and the reverse.',
    'Check port and TLS first. Then update the client library.',
  ],
  '5/82/c': [
    'A packet came that is not allowed at that point.',
    'A second CONNECT, an unknown flag, a property twice, a reserved value.',
    'Update the client library. With a library of your own: the Reason String says more.',
  ],
  '5/83/c': [
    'The packet is valid, but this broker does not accept it.',
    'A rule of the broker: a plug-in, a limit, a rule of the administrator.',
    "Read the Reason String and the broker's log.",
  ],
  '5/84/c': [
    'The broker does not speak this version of MQTT.',
    'An old broker, or one where the version is turned off.',
    'Connect with MQTT 3.1.1: -V 311. wrenmq pub and sub try that by themselves.',
  ],
  '5/85/c': [
    'The client id is not accepted.',
    'It is too long, has letters that the broker does not allow, or is empty where one is needed.',
    'Choose another: -i. Up to 23 letters and digits are accepted everywhere.',
  ],
  '5/86/c': [
    'User name or password are wrong.',
    'A typing error, a changed password, an expired token, or the user does not exist.',
    'Check -u and the password: WRENMQ_PASSWORD, --password-file, or -P, which asks for it.',
  ],
  '5/87/c': [
    'The client is known, but may not do that.',
    'An access rule forbids this topic, or connecting at all; or the broker wants a login and none was given.',
    "Give user name and password if there are none (-u). Ask the broker's administrator for the topic: the rules are the ACL.",
  ],
  '5/88/c': [
    'The broker cannot serve anybody at the moment.',
    'It is starting, stopping, or one of its back ends is down.',
    'Try again later; clients that reconnect do it by themselves.',
  ],
  '5/89/c': ['The broker has too much to do.', 'Too many clients or messages at once.', 'Wait, with a growing delay, and try again.'],
  '5/8a/c': [
    'This client is banned.',
    'An administrator has banned its id, user or address; or the broker did, after too many failed or flapping connections.',
    'Wait until the ban ends, or ask the administrator to lift it.',
  ],
  '5/8b/d': [
    'The broker is shutting down.',
    'A restart or an update.',
    'Connect again in a moment. What is owed to a session that is kept is not lost.',
  ],
  '5/8c/c': [
    'The authentication method is not supported, or is not the one of the CONNECT.',
    'The broker has no such method turned on.',
    'Ask for its methods, or connect with user name and password.',
  ],
  '5/8d/d': [
    'The broker heard nothing for one and a half keep-alive times.',
    'The network is gone, the program was stopped or too busy to send a PINGREQ.',
    'Raise the keep-alive (-k), and do not block the program.',
  ],
  '5/8e/d': [
    'Another connection with the same client id has taken the session over.',
    'Two programs use one client id, or the client has reconnected before the broker noticed that the old connection was dead.',
    'Give every program a client id of its own.',
  ],
  '5/8f/s': [
    'The topic filter is well formed, but not accepted here.',
    'The broker forbids it: too many levels, or a tree such as $SYS.',
    'Ask for less: a filter with fewer levels or a narrower one.',
  ],
  '5/90/c': [
    'The topic name is well formed, but not accepted here.',
    'Too long, too many levels, or a tree that belongs to the broker ($SYS).',
    'Publish to another topic.',
  ],
  '5/91/p': [
    'The packet identifier is still in use.',
    'Client and broker do not agree about the session: one of them has lost its part.',
    'Connect with clean start once. If it happens again, it is a fault of the client library.',
  ],
  '5/92/l': [
    'The packet identifier is not known.',
    'Usual after a reconnection in the middle of a QoS 2 exchange.',
    'Nothing, if it follows a reconnection; otherwise the client library is at fault.',
  ],
  '5/93/d': [
    'More unacknowledged messages were sent than the receiver allows.',
    'The sender ignores Receive Maximum.',
    'Update the client library, or limit what it has under way (-M).',
  ],
  '5/94/d': [
    'The topic alias is 0 or above what the receiver allows.',
    'The sender ignores Topic Alias Maximum.',
    'Update the client library, or publish without aliases.',
  ],
  '5/95/c': [
    'The packet is larger than the receiver accepts.',
    'A large payload, or a large will.',
    'Send less at once. wrenmq probe shows the maximum packet size; at a WrenMQ broker it is limits.packetBytesMax.',
  ],
  '5/96/d': [
    'The client sends too many messages.',
    'A rate limit of the broker.',
    'Send more slowly, or ask the administrator for a higher limit.',
  ],
  '5/97/c': [
    'A limit of the broker is reached.',
    'Too many messages wait, too many subscriptions or connections, or its disk is full.',
    "Read the broker's log to learn which limit; free something or raise it.",
  ],
  '5/98/d': ['An administrator has ended the connection.', 'Somebody kicked the client, or its rights changed.', 'Ask the administrator.'],
  '5/99/c': [
    'The payload is not what its Payload Format Indicator says.',
    'The indicator says UTF-8 and the payload is not.',
    'Send it without the indicator, or encode the text as UTF-8.',
  ],
  '5/9a/c': ['The broker keeps no retained messages.', 'Retaining is turned off.', 'Publish without -r; will too, without --will-retain.'],
  '5/9b/c': ['The broker does not support this QoS.', 'Its Maximum QoS is lower.', 'Use the QoS that wrenmq probe shows.'],
  '5/9c/c': [
    'The client should use another server for now.',
    'The broker is being emptied for maintenance, or the load is shared out.',
    'Connect to the server that Server Reference names.',
  ],
  '5/9d/c': [
    'The client should use another server from now on.',
    'The broker has moved.',
    'Change the address to what Server Reference names.',
  ],
  '5/9e/s': ['The broker has no shared subscriptions.', 'They are not supported or turned off.', 'Subscribe without $share/group/.'],
  '5/9f/c': [
    'Too many connections in a short time.',
    'A program that reconnects in a loop, or many devices that come back at once.',
    'Wait longer between attempts, with a random delay.',
  ],
  '5/a0/d': [
    'The connection has lasted as long as the broker allows.',
    'A limit of the broker, for example the lifetime of a token.',
    'Connect again, with fresh credentials.',
  ],
  '5/a1/s': [
    'The broker has no subscription identifiers.',
    'Not supported or turned off.',
    'Subscribe without: leave -D subscribe subscription-identifier out.',
  ],
  '5/a2/s': ['The broker allows no wildcards.', 'Not supported or turned off.', 'Subscribe to the topics one by one.'],
  '3.1.1/00/c': ['The connection stands.', 'Everything is in order.', 'Nothing.'],
  '3.1.1/01/c': [
    'The broker does not speak this version of MQTT.',
    'A broker that only knows another version, or a broken CONNECT.',
    'Try another version: -V 5 or -V 311.',
  ],
  '3.1.1/02/c': [
    'The client id is not accepted.',
    'It is too long, has letters that the broker does not allow, or is empty without a clean session.',
    'Choose another: -i. Up to 23 letters and digits are accepted everywhere.',
  ],
  '3.1.1/03/c': [
    'The broker is reached, but does not serve.',
    'It is starting, stopping, or overloaded; also where it would say Server busy in MQTT 5.',
    'Try again later.',
  ],
  '3.1.1/04/c': [
    'User name or password are wrong.',
    'A typing error, a changed password, or the user does not exist.',
    'Check -u and the password: WRENMQ_PASSWORD, --password-file, or -P, which asks for it.',
  ],
  '3.1.1/05/c': [
    'The client may not connect.',
    'No user name was given where one is needed, an access rule forbids it, or the client is banned.',
    'Give user name and password (-u), or ask the administrator. Many brokers say 5 for a wrong password too.',
  ],
  '3.1.1/00/s': ['The subscription stands, with QoS 0.', 'QoS 0 was asked for, or the broker grants no more.', 'Nothing.'],
  '3.1.1/01/s': ['The subscription stands, with at most QoS 1.', 'QoS 1 was asked for, or the broker grants no more.', 'Nothing.'],
  '3.1.1/02/s': ['The subscription stands, with at most QoS 2.', 'QoS 2 was asked for.', 'Nothing.'],
  '3.1.1/80/s': [
    'The broker refuses the subscription.',
    'Usually an access rule; the code says no more in MQTT 3.1.1.',
    'Ask again with -V 5: its code says why.',
  ],
};

/** Where a connection stands: before CONNECT, while it is decided, in use, over. */
export const ConnectionState = { AwaitingConnect: 0, Connecting: 1, Connected: 2, Closed: 3 } as const;
export type ConnectionState = (typeof ConnectionState)[keyof typeof ConnectionState];

export { eventChannel } from './event-channel.ts';
export type { EventChannel, EventChannelOptions, EventHandler, EventSubscription } from './event-channel.ts';
export { event } from './event-message.ts';
export type { EventMessage, EventOptions } from './event-message.ts';

import { EXPIRES_NEVER, type RetainedSettings } from './retained-settings.ts';

/** No limits, and nothing but what the standard says. */
export const plainSettings: RetainedSettings = {
  messagesMax: Infinity,
  bytesMax: Infinity,
  payloadBytesMax: Infinity,
  storeRatePerSecond: Infinity,
  expiryDefaultSeconds: EXPIRES_NEVER,
  expiryOverrideSeconds: null,
  stopPublishClearMessage: false,
  deliveryRatePerSecond: Infinity,
  tellAuthor: false,
  history: [],
  historyMessagesMax: Infinity,
  historyBytesMax: Infinity,
};

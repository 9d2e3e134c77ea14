/** Browsers have no diagnostics_channel: it stands in place of `diagnostics.ts` where the condition `browser` is set. */
export const publishChannel = undefined;
export const messageChannel = undefined;
export const connectionChannel = undefined;

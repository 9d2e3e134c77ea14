/** What became of a PUBLISH, for whoever has to acknowledge it. */
export { Outcome } from '#publish/publisher.ts';

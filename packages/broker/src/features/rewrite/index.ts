import { defineFeature } from '#hooks/feature.ts';
import { Rewrite, type RewriteSettings } from './rewrite.ts';

/** Other topics than those that clients say. */
export const rewrite = defineFeature<RewriteSettings, Rewrite>({
  name: 'rewrite',
  section: 'rewrite',
  start: (context) => new Rewrite(context),
});

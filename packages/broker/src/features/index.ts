import type { Feature } from '#hooks/feature.ts';
import { delayed } from './delayed/index.ts';
import { sys } from './sys/index.ts';

/** All features, in boot order. */
export const features: readonly Feature<never>[] = [delayed, sys];

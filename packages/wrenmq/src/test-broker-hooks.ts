/** Loaded with `--import`: lets test-broker.ts stand in for the broker. */
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier !== '@wrenmq/broker') return nextResolve(specifier, context);
    return { url: new URL('./test-broker.ts', import.meta.url).href, shortCircuit: true };
  },
});

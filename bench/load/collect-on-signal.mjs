// Preloaded with --expose-gc into what is measured: tells memory in use from memory that is only not given back yet.
process.on('SIGUSR2', () => globalThis.gc({ type: 'major', execution: 'sync', flavor: 'last-resort' }));
// The ceiling says nothing when it is ready; whoever starts it waits for a first line.
if (process.argv[1]?.endsWith('ceiling.mjs')) console.log('loaded');

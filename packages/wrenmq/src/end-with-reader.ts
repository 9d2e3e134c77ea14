/** Ends the command, with success, when nobody reads its output any more (`wrenmq ping | head`): that is no fault. */
export function endWithReader(): void {
  if (process.stdout.listenerCount('error') > 0) return;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
}

import type { Socket } from 'node:net';

/** Exactly so many bytes of a paused socket, which is paused again: what follows is for somebody else. Rejects when it ends before. */
export function readExactly(socket: Socket, count: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length < count) return;
      stop();
      if (bytes.length > count) socket.unshift(bytes.subarray(count));
      resolve(bytes.subarray(0, count));
    };
    const onClose = (): void => fail(new Error('the connection was closed'));
    const fail = (error: Error): void => {
      stop();
      reject(error);
    };
    const stop = (): unknown => socket.off('data', onData).off('end', onClose).off('error', fail).pause();
    socket.on('data', onData).on('end', onClose).on('error', fail).resume();
  });
}

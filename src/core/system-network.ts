import type { Network } from './network.ts';

/** The network of this machine. Failures are the system's own errors. */
export const systemNetwork: Network = {
  fetch: (url, init) => fetch(url, init),
  connect: ({ host, port }, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      // Loaded when first used: most pipelines never do.
      const { connect } = process.getBuiltinModule('node:net');
      const socket = connect({ host, port });
      const abort = (): void => {
        socket.destroy(signal.reason as Error);
      };
      const settle = (): void => {
        signal.removeEventListener('abort', abort);
        socket.off('error', reject);
      };
      signal.addEventListener('abort', abort, { once: true });
      socket.once('error', (error) => {
        settle();
        reject(error);
      });
      socket.once('connect', () => {
        settle();
        resolve(socket);
      });
    }),
};

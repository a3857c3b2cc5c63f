import type { Duplex } from 'node:stream';

/** The network. */
export interface Network {
  /** As the global `fetch`: rejects where there is no answer, and resolves to any that there is. */
  fetch(url: string | URL, init?: RequestInit): Promise<Response>;
  /** A connected stream. */
  connect(
    address: { readonly host: string; readonly port: number },
    signal: AbortSignal,
  ): Promise<Duplex>;
}

/** Where to listen. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `7420`, `127.0.0.1:7420`, `[::1]:7420`; undefined where it is none. */
export function parseAddress(text: string): Address | undefined {
  const parts = /^(?:(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):)?(\d{1,5})$/.exec(text);
  const port = Number(parts?.[2]);
  if (parts === null || port > 65_535) return undefined;
  return { host: parts[1]?.replace(/^\[|\]$/g, '') ?? '127.0.0.1', port };
}

/** Whether an address is one that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

const hostPattern = /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?$/;

/** Whether a text is what a request may name a host by, without a port. */
export function isHostName(text: string): boolean {
  const name = text.toLowerCase();
  return hostPattern.exec(name)?.[1] === name;
}

/**
 * Whether a request may name this host: `localhost`, a name below it, the address that it came in
 * at, or a configured name. A page that a name of its own was bound to this address for names itself.
 */
export function isHostAllowed(
  host: string,
  localAddress: string | undefined,
  names: readonly string[],
): boolean {
  const name = hostPattern.exec(host.toLowerCase())?.[1];
  if (name === undefined) return false;
  if (name === 'localhost' || /^[a-z0-9-]+(\.[a-z0-9-]+)*\.localhost$/.test(name)) return true;
  return name === literalOf(localAddress) || names.some((one) => one.toLowerCase() === name);
}

/** An address as a URL has it. */
export function literalOf(address: string | undefined): string | undefined {
  const plain = address?.replace(/^::ffff:(?=\d+\.)/, '');
  return plain?.includes(':') === true ? `[${plain}]` : plain;
}

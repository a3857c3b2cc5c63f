const namesMax = 20;

/** Names as a message shows them: the first twenty at most. */
export function listNames(names: readonly string[]): string {
  const shown = names.slice(0, namesMax).join(', ') || '(none)';
  return names.length > namesMax ? `${shown}, … (${names.length} in all)` : shown;
}

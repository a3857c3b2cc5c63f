/** What a key says: its name, or the character that it gives. */
export type Key = string;

/** What terminals send for keys that give no character. */
const names: Readonly<Record<string, Key>> = {
  '\u001B': 'escape',
  '\u0003': 'interrupt',
  '\u001A': 'suspend',
  '\u000C': 'redraw',
  '\r': 'enter',
  '\n': 'enter',
  '\u007F': 'backspace',
  '\b': 'backspace',
  '[A': 'up',
  '[B': 'down',
  '[C': 'right',
  '[D': 'left',
  '[H': 'home',
  '[F': 'end',
  '[1~': 'home',
  '[4~': 'end',
  '[5~': 'page-up',
  '[6~': 'page-down',
};

/** The keys in what a terminal has sent, in their order; those that say nothing here are left out. */
export function keysOf(sent: string): Key[] {
  // oxlint-disable-next-line no-control-regex -- it is what a terminal sends
  const parts = sent.matchAll(/\u001B([[O][\d;]*[A-Za-z~])|[^]/gu);
  return [...parts].flatMap(([whole, sequence]) => {
    const key = names[sequence?.replace('O', '[') ?? whole];
    if (key !== undefined) return [key];
    return sequence === undefined && whole >= ' ' ? [whole] : [];
  });
}

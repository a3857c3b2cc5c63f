import { signal } from '@preact/signals';

const dark = matchMedia('(prefers-color-scheme: dark)');

/** Counts changes between light and dark: what is drawn by hand reads its colours again. */
export const theme = signal(0);
dark.addEventListener('change', () => theme.value++);

const smallPx = 14;

/** How large the text of the page is, of what it is on a small screen: it grows with the width. */
export const em = signal(textSize());
addEventListener('resize', () => (em.value = textSize()));

function textSize(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / smallPx;
}

/** A colour of the style sheet, for what is drawn by hand. */
export function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

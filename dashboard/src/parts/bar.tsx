/** A share from 0 to 1 as a bar. */
export function Bar({
  share,
  label,
  mood = 'flow',
}: {
  readonly share: number;
  readonly label: string;
  /** The name of a colour in the style sheet. */
  readonly mood?: string;
}): preact.JSX.Element {
  const part = Math.min(1, Math.max(0, share));
  return (
    <span
      class="bar"
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(part * 100)}
    >
      <span class={`fill ${mood}`} style={{ width: `${part * 100}%` }} />
    </span>
  );
}

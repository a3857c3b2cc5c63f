import type { ComponentChildren } from 'preact';

/** A part of a page, with a name. */
export function Card({
  title,
  beside,
  children,
}: {
  readonly title: string;
  /** What stands beside the name. */
  readonly beside?: ComponentChildren;
  readonly children?: ComponentChildren;
}): preact.JSX.Element {
  return (
    <section class="card" aria-label={title}>
      <h2>
        {title} {beside}
      </h2>
      {children}
    </section>
  );
}

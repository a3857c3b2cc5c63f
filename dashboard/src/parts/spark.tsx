/** The last numbers of so many as a line that ends at the right, without a scale. */
export function Spark({
  values,
  room,
  label,
}: {
  readonly values: readonly (number | null)[];
  /** How many fill the width. */
  readonly room: number;
  readonly label: string;
}): preact.JSX.Element {
  const known = values.filter((value) => value !== null);
  const [least, greatest] = [Math.min(...known), Math.max(...known)];
  const height = greatest - least || 1;
  let isDown = false;
  const path = values
    .map((value, at) => {
      if (value === null) isDown = false;
      if (value === null) return '';
      const x = (1 - (values.length - 1 - at) / (room - 1)) * width;
      const y = 2 + (1 - (value - least) / height) * 16;
      const step = `${isDown ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
      isDown = true;
      return step;
    })
    .join('');
  return (
    <svg class="spark" viewBox={`0 0 ${width} 20`} role="img" aria-label={label}>
      <path d={path} />
    </svg>
  );
}

const width = 100;

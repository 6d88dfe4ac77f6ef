const WIDTH = 600;
const HEIGHT = 80;
const GAP = 0.15;

export interface Bar {
  /** Shown where the pointer rests. */
  readonly label: string;
  readonly value: number;
  /** The share of the value that is drawn as bad. */
  readonly bad?: number;
}

/** A picture of figures over time. Its highest bar has the full height. @param label read by screen readers, with the sum */
export function Bars({ label, bars }: { readonly label: string; readonly bars: readonly Bar[] }) {
  const highest = Math.max(...bars.map(({ value }) => value), 0);
  const sum = bars.reduce((total, { value }) => total + value, 0);
  const step = WIDTH / Math.max(bars.length, 1);
  const heightOf = (value: number): number => (highest === 0 ? 0 : (value / highest) * HEIGHT);
  const rectangle = (index: number, value: number) => ({
    x: (index + GAP / 2) * step,
    y: HEIGHT - heightOf(value),
    width: step * (1 - GAP),
    height: heightOf(value),
  });
  return (
    <figure>
      <figcaption>
        {label}: {number(sum)}
      </figcaption>
      <svg
        class="bars"
        viewBox={`0 0 ${WIDTH} ${HEIGHT + 1}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${label}: ${number(sum)} in all, ${number(highest)} at most`}
      >
        {bars.map(({ label: name, value, bad = 0 }, index) => (
          <g key={index * step}>
            <title>{`${name}: ${number(value)}${bad > 0 ? `, ${number(bad)} of them failed` : ''}`}</title>
            <rect class="back" x={index * step} y={0} width={step} height={HEIGHT} />
            <rect class="value" {...rectangle(index, value)} />
            {bad > 0 && <rect class="bad" {...rectangle(index, Math.min(bad, value))} />}
          </g>
        ))}
        <line x1={0} y1={HEIGHT + 0.5} x2={WIDTH} y2={HEIGHT + 0.5} />
      </svg>
    </figure>
  );
}

export function number(value: number): string {
  return Math.round(value).toLocaleString();
}

/** Bytes in the largest unit that leaves a number of at least 1. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(Math.floor(Math.log10(Math.max(value, 1)) / 3), units.length - 1);
  return `${(value / 1000 ** power).toLocaleString(undefined, { maximumFractionDigits: 1 })} ${units[power]}`;
}

/** One line of Prometheus' text format. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/gy;

/**
 * A parsed response of `/metrics`.
 *
 * @throws on text that Prometheus would reject: a malformed line, a duplicate series
 */
export class Exposition {
  readonly series: readonly Series[];
  /** Type by metric name. */
  readonly types: ReadonlyMap<string, string>;

  constructor(text: string) {
    const lines = text.split('\n').filter((line) => line !== '');
    const comments = lines.filter((line) => line.startsWith('#')).map((line) => line.split(' '));
    this.types = new Map(comments.flatMap(([, kind, name = '', type = '']) => (kind === 'TYPE' ? [[name, type]] : [])));
    this.series = lines.filter((line) => !line.startsWith('#')).map(parseLine);
    const keys = this.series.map(({ name, labels }) => JSON.stringify([name, Object.entries(labels).toSorted()]));
    const twice = keys.find((key, index) => keys.indexOf(key) !== index);
    if (twice !== undefined) throw new Error(`duplicate series: ${twice}`);
  }

  named(name: string): readonly Series[] {
    return this.series.filter((series) => series.name === name);
  }

  /** The value of the only series that has these labels and perhaps others. @throws unless there is exactly one */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const found = this.matching(name, labels);
    const [only] = found;
    if (!only || found.length > 1) throw new Error(`${found.length} series of ${name} with ${JSON.stringify(labels)}`);
    return only.value;
  }

  /** Like `value`, but 0 when there is no such series yet. */
  count(name: string, labels: Readonly<Record<string, string>>): number {
    return this.matching(name, labels).length === 0 ? 0 : this.value(name, labels);
  }

  private matching(name: string, labels: Readonly<Record<string, string>>): readonly Series[] {
    return this.named(name).filter((series) =>
      Object.entries(labels).every(([label, value]) => series.labels[label] === value),
    );
  }

  /** The names of a metric's labels; undefined when there is no series of it. */
  labelsOf(name: string): ReadonlySet<string> | undefined {
    const found = this.named(name);
    return found.length === 0 ? undefined : new Set(found.flatMap(({ labels }) => Object.keys(labels)));
  }
}

function parseLine(line: string): Series {
  const [, name, labels = '', value] = LINE.exec(line) ?? [];
  if (name === undefined || value === undefined) throw new Error(`not a line of Prometheus' text format: ${line}`);
  const found = [...labels.matchAll(LABEL)];
  if (found.map(([pair]) => pair).join('') !== labels) throw new Error(`malformed labels: ${line}`);
  return {
    name,
    labels: Object.fromEntries(found.map(([, label = '', content = '']) => [label, content])),
    value: value === '+Inf' ? Infinity : Number(value),
  };
}

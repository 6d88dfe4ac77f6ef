/** What a server is, by key: `{ region: 'eu', tier: 'gold' }`. */
export type Labels = Readonly<Record<string, string>>;

/** The wanted labels that are missing or different, as `key=value`. */
export function lackingLabels(wanted: Labels, labels: Labels): string[] {
  return Object.entries(wanted).flatMap(([key, value]) => (labels[key] === value ? [] : [`${key}=${value}`]));
}

/** In one line, in the order of their keys. */
export function labelsText(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .toSorted()
    .join(' ');
}

type Labels = Readonly<Record<string, string>>;

/** `region=eu tier=gold` */
export function labelsText(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}

/** The same back. What is no label is refused by the API, with its reason. */
export function labelsOf(text = ''): Labels {
  const pairs = text.split(/\s+/).filter(Boolean);
  return Object.fromEntries(pairs.map((pair) => [pair.replace(/=.*/s, ''), pair.replace(/^[^=]*=?/, '')]));
}

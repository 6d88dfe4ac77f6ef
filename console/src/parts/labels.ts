import type { Labels } from '../../../src/catalog/model/labels.js';

/** Labels that were written as `region=eu tier=gold`. What is no label is refused by the API, with its reason. */
export function labelsOf(text = ''): Labels {
  const pairs = text.split(/\s+/).filter(Boolean);
  return Object.fromEntries(pairs.map((pair) => [pair.replace(/=.*/s, ''), pair.replace(/^[^=]*=?/, '')]));
}

import { expect, it } from '@jest/globals';
import { readQuery } from '../../support/metrics/promql.js';

it('a query names its metrics, the labels in their braces and those it groups by', () => {
  const text = `histogram_quantile(0.99, sum by (target, le) (rate(wait_bucket{a="x", b=~"y|z"}[5m])))
    / on (instance) group_left () max(other_total) without (c) or up == 0`;
  const { selectors, groupings } = readQuery(text);
  expect(selectors).toEqual([
    { metric: 'wait_bucket', labels: ['a', 'b'] },
    { metric: 'other_total', labels: [] },
    { metric: 'up', labels: [] },
  ]);
  expect(groupings).toEqual(['target', 'le', 'instance', 'c']);
});

it.each(['sum(rate(x[5m])', 'sum(x))', 'x{a="b"', 'x # y', 'x{a="b}'])('%s is not taken for a query', (text) => {
  expect(() => readQuery(text)).toThrow();
});

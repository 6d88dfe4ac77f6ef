import { expect, it } from '@jest/globals';
import { readQuery } from '../../support/metrics/promql.js';

it('readQuery finds the metrics of a PromQL query, the labels in braces and the grouping labels', () => {
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

it.each(['sum(rate(x[5m])', 'sum(x))', 'x{a="b"', 'x # y', 'x{a="b}'])(
  'readQuery rejects the malformed query %s',
  (text) => {
    expect(() => readQuery(text)).toThrow();
  },
);

import { expect, it } from '@jest/globals';
import { type MeasuredMetric, renderReports } from '../../../../src/metrics/workers/worker-reports.js';
import { histogram } from '../../../../src/metrics/series/reported-metric.js';

const requests = (value: number): MeasuredMetric => ({
  ...{ name: 'requests_total', help: 'Requests.', type: 'counter' },
  values: [{ labels: { route: '/orders' }, value }],
});
const wait: MeasuredMetric = {
  ...{ name: 'wait_seconds', help: 'Waits.', type: 'histogram' },
  values: histogram('wait_seconds', {}, [0.1], [3, 1], 0.5),
};

it('a scrape has the series of each worker, with its number, under one description per metric', async () => {
  const text = await renderReports([
    { worker: 1, restarts: 0, metrics: [requests(5), wait] },
    { worker: 2, restarts: 3, metrics: [requests(7)] },
    { worker: 3, restarts: 0, metrics: undefined },
  ]);
  expect(text).toBe(
    `${[
      '# HELP tenantry_worker_up 1 for a worker that has answered this scrape, else 0.',
      '# TYPE tenantry_worker_up gauge',
      'tenantry_worker_up{worker="1"} 1',
      'tenantry_worker_up{worker="2"} 1',
      'tenantry_worker_up{worker="3"} 0',
      '',
      '# HELP tenantry_worker_restarts_total Workers that were replaced because they had ended.',
      '# TYPE tenantry_worker_restarts_total counter',
      'tenantry_worker_restarts_total{worker="1"} 0',
      'tenantry_worker_restarts_total{worker="2"} 3',
      'tenantry_worker_restarts_total{worker="3"} 0',
      '',
      '# HELP requests_total Requests.',
      '# TYPE requests_total counter',
      'requests_total{route="/orders",worker="1"} 5',
      'requests_total{route="/orders",worker="2"} 7',
      '',
      '# HELP wait_seconds Waits.',
      '# TYPE wait_seconds histogram',
      'wait_seconds_bucket{le="0.1",worker="1"} 3',
      'wait_seconds_bucket{le="+Inf",worker="1"} 4',
      'wait_seconds_sum{worker="1"} 0.5',
      'wait_seconds_count{worker="1"} 4',
    ].join('\n')}\n`,
  );
});

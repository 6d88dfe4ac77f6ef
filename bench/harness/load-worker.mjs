// The load generator's process. Requests are serialised before a round begins, so that it only writes and counts.
import autocannon from 'autocannon';
import { requestsOf } from './requests.mjs';

let prepared;

process.on('message', async ({ kind, options }) => {
  try {
    process.send({ value: (kind === 'prepare' ? prepare(options) : await fire(prepared)) ?? null });
  } catch (error) {
    process.send({ error: error.stack });
  }
});

function prepare({ url, requests, callers, seconds, prepare: count }) {
  const all = requestsOf(requests, Math.max(count, callers));
  const shares = Array.from({ length: callers }, (_, caller) => all.filter((_request, n) => n % callers === caller));
  prepared = { url, shares, seconds };
}

async function fire({ url, shares, seconds }) {
  const durations = [];
  const statuses = {};
  let caller = 0;
  const started = performance.now();
  let ended = started;
  const result = await autocannon({
    url,
    connections: shares.length,
    duration: seconds,
    timeout: 30,
    setupClient: (client) => {
      client.setRequests(shares[caller++ % shares.length]);
      client.on('response', (status, _bytes, ms) => {
        durations.push(ms);
        statuses[status] = (statuses[status] ?? 0) + 1;
        ended = performance.now();
      });
    },
  });
  durations.sort((a, b) => a - b);
  const good = Object.entries(statuses).reduce((sum, [status, n]) => sum + (status.startsWith('2') ? n : 0), 0);
  return {
    seconds: (ended - started) / 1000,
    requests: durations.length,
    perSecond: (good * 1000) / (ended - started),
    p50: at(durations, 0.5),
    p99: at(durations, 0.99),
    errors: durations.length - good + result.errors + result.timeouts,
    statuses,
  };
}

function at(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

// What limits cost a request for which Redis is not asked. Run it with `npm run bench:limits`; needs no server.
import { RequestLimiter } from '../../dist/tenant/limits/request-limiter.js';

const AIM_US = 3;
const ROUNDS = 31;
const REQUESTS = 20_000;
const LEASED = 1_000_000;

/** Everything is leased at once: no request waits, as between two questions to Redis. */
const lease = async ({ perSecond, perDay }) => ({
  ...{ perSecond: perSecond && LEASED, perDay: perDay && LEASED, waitMs: 0 },
  ...{ leftOfSecond: LEASED, day: 0, usedOfDay: 0 },
});
/** Costs what the clock costs, and stands still: on a busy machine, leases would expire within a round. */
const now = () => performance.now() * 0;
const limits = Object.freeze({ requestsPerSecond: 1_000_000, requestsPerDay: 10_000_000_000 });
const CONTESTANTS = {
  'no limits': { limits: Object.freeze({}), lease },
  'limits, leased tokens': { limits, lease },
  'limits, leased tokens, with the fields': { limits, lease, hasFields: true },
  "limits, the instance's share": { limits, lease: undefined },
  "limits, the instance's share, with the fields": { limits, lease: undefined, hasFields: true },
};

let isAimMet = true;
console.log(`CPU per request in µs, of a tenant with limits per second and per day. Median of ${ROUNDS} rounds of`);
console.log(`${REQUESTS} requests; Node ${process.version}; aim: ${AIM_US} µs.\n`);
for (const [name, contestant] of Object.entries(CONTESTANTS)) {
  const samples = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const us = await measure(contestant);
    if (round > 0) samples.push(us); // the first one compiles
  }
  const median = samples.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)];
  isAimMet &&= median <= AIM_US;
  console.log(`${name.padEnd(46)} ${median.toFixed(2).padStart(6)}  ${median <= AIM_US ? 'met' : 'MISSED'}`);
}
process.exitCode = isAimMet ? 0 : 1;

async function measure({ limits: limitsOf, lease: leaseOf, hasFields }) {
  const limiter = new RequestLimiter(leaseOf, () => 1, { now });
  const fields = new Map();
  const response = hasFields ? { header: (name, value) => fields.set(name, value) } : undefined;
  await limiter.admit('acme', limitsOf, response); // leases
  const startedAt = process.cpuUsage();
  let asked = 0;
  for (let request = 0; request < REQUESTS; request++) {
    if (limiter.admit('acme', limitsOf, response) !== undefined) asked += 1;
  }
  const { user, system } = process.cpuUsage(startedAt);
  if (asked > 0) throw new Error(`${asked} requests asked for tokens: this measures something else`);
  return (user + system) / REQUESTS;
}

import { parseArgs } from 'node:util';

const USAGE = `npm run bench -- [options]

  --full                     the full matrix instead of the quick plan
  --only read,mix            kinds of work: read, list, insert, mix, tenant
  --isolation row,database   row, schema, database
  --tenants 100,1000         numbers of tenants
  --choice uniform,zipf      how the tenant of a request is chosen
  --callers 8,64             connections of the load generator
  --peers single,floor       single, floor, map, perRequest, sourcePerRequest, multitenant; none: the application alone;
                             address: the application called by its address instead of a host name
  --before checkout          compare only with another checkout of the application, which must be built
  --rounds 5 --seconds 2     rounds per contestant, and their length
  --orders 25                orders per tenant at the start
  --connections 100          connection limit of the application and of the Map of DataSources
  --delay 1                  has every answer of PostgreSQL take so many ms longer, for all contestants (not with --before)
  --env NAME=value           sets an environment variable of the application; can be repeated
  --profile                  profile the application's CPU instead of comparing
  --keep name                save the results of a partial run as bench/results/<name>-<date>
`;

/** Parses the command line; lists become arrays. Prints the usage and exits with 2 on a usage error. */
export function readOptions(args) {
  try {
    return toOptions(parseArgs({ args, options: OPTIONS, strict: true }).values);
  } catch (error) {
    console.error(`${error.message}\n\n${USAGE}`);
    return process.exit(2);
  }
}

const text = { type: 'string' };
const OPTIONS = {
  full: { type: 'boolean' },
  profile: { type: 'boolean' },
  before: text,
  only: text,
  isolation: text,
  tenants: text,
  choice: text,
  callers: text,
  peers: text,
  rounds: text,
  seconds: text,
  orders: text,
  connections: text,
  delay: text,
  keep: text,
  env: { type: 'string', multiple: true },
};

function toOptions(values) {
  return {
    full: values.full ?? false,
    profile: values.profile ?? false,
    works: list(values.only),
    isolations: list(values.isolation),
    tenants: list(values.tenants)?.map(number),
    choices: list(values.choice),
    callers: list(values.callers)?.map(number),
    peers: values.before === undefined ? peersOf(values) : ['before'],
    before: values.before,
    rounds: number(values.rounds ?? '5'),
    seconds: number(values.seconds ?? '2'),
    orders: number(values.orders ?? '25'),
    connections: number(values.connections ?? '100'),
    delayMs: values.delay === undefined ? undefined : number(values.delay),
    env: Object.fromEntries((values.env ?? []).map((pair) => [pair.split('=')[0], pair.split('=').slice(1).join('=')])),
    keep: values.keep ?? nameOf(values),
  };
}

/** A partial run does not overwrite the results of a full one. */
function nameOf(values) {
  const isPart = ['only', 'isolation', 'tenants', 'choice', 'callers', 'peers', 'before', 'delay'].some(
    (name) => values[name] !== undefined,
  );
  if (isPart) return undefined;
  return values.full ? 'bench-full' : 'bench';
}

function peersOf({ peers }) {
  return peers === 'none' ? [] : list(peers);
}

function list(value) {
  return value?.split(',');
}

function number(value) {
  const parsed = Number(value);
  if (!(parsed > 0)) throw new Error(`${value} is not a number above 0`);
  return parsed;
}

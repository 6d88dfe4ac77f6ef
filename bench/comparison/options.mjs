import { parseArgs } from 'node:util';

const USAGE = `npm run bench -- [options]

  --full                     the whole matrix instead of the quick profile
  --only read,mix            kinds of work: read, list, insert, mix, tenant
  --isolation row,database   row, schema, database
  --tenants 100,1000         how many
  --choice uniform,zipf      how a request's tenant is chosen
  --callers 8,64             connections of the load generator
  --peers single,floor       single, floor, map, perRequest, sourcePerRequest, multitenant; none: the application alone;
                             address: the application, called by its address instead of a host name
  --before folder            compare with another built checkout of the application only
  --rounds 5 --seconds 2     of each contestant
  --orders 25                orders of each tenant at the start
  --connections 100          limit of connections to the server
  --env NAME=value           tells the application something else; may be given more than once
  --profile                  where the application spends its CPU, instead of comparing
  --keep name                keep the figures of a part, too, under bench/results/<name>-<date>
`;

/** What a run measures, from the command line. Lists are arrays. Exits with the usage when it cannot be understood. */
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
  ...{ only: text, isolation: text, tenants: text, choice: text, callers: text, peers: text, rounds: text },
  ...{ seconds: text, orders: text, connections: text, keep: text },
  env: { type: 'string', multiple: true },
};

function toOptions(given) {
  return {
    full: given.full ?? false,
    profile: given.profile ?? false,
    works: list(given.only),
    isolations: list(given.isolation),
    tenants: list(given.tenants)?.map(number),
    choices: list(given.choice),
    callers: list(given.callers)?.map(number),
    peers: given.before === undefined ? peersOf(given) : ['before'],
    before: given.before,
    rounds: number(given.rounds ?? '5'),
    seconds: number(given.seconds ?? '2'),
    orders: number(given.orders ?? '25'),
    connections: number(given.connections ?? '100'),
    env: Object.fromEntries((given.env ?? []).map((pair) => [pair.split('=')[0], pair.split('=').slice(1).join('=')])),
    keep: given.keep ?? nameOf(given),
  };
}

/** A part of the whole does not take the whole's place. */
function nameOf(given) {
  const isPart = ['only', 'isolation', 'tenants', 'choice', 'callers', 'peers', 'before'].some(
    (name) => given[name] !== undefined,
  );
  if (isPart) return undefined;
  return given.full ? 'bench-full' : 'bench';
}

function peersOf({ peers }) {
  return peers === 'none' ? [] : list(peers);
}

function list(value) {
  return value?.split(',');
}

function number(value) {
  const parsed = Number(value);
  if (!(parsed > 0)) throw new Error(`${value} is no number above 0`);
  return parsed;
}

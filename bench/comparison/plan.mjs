import { WORKS } from '../harness/requests.mjs';

const ALL = Object.keys(WORKS);
const TENANTS_APART = 100;

/** Peers that can be had for an isolation; for rows those whose one tenant has all the rows. */
export const PEERS_OF = {
  row: ['single', 'floor', 'perRequest', 'sourcePerRequest'],
  schema: ['map', 'multitenant'],
  database: ['map'],
};

const ROWS = { isolation: 'row', tenants: 1_000, choice: 'uniform', callers: 64, works: ALL, peers: ['single'] };
const SCHEMAS = { ...ROWS, isolation: 'schema', tenants: TENANTS_APART, peers: PEERS_OF.schema };
const DATABASES = { ...ROWS, isolation: 'database', tenants: TENANTS_APART, peers: PEERS_OF.database };
/** They are faster or slower by so much that a few rounds tell. */
const FAR_AWAY = { ...ROWS, works: ['read'], peers: ['floor', 'perRequest', 'sourcePerRequest'], rounds: 3 };

const QUICK = [
  ROWS,
  FAR_AWAY,
  { ...ROWS, choice: 'zipf', works: ['mix'] },
  { ...ROWS, tenants: 1, works: ['read'] },
  { ...SCHEMAS, works: ['read', 'mix'], rounds: 3 },
  { ...DATABASES, works: ['read', 'mix'] },
];

const CHOICES = ['uniform', 'zipf'];
const CALLERS = [8, 64, 256];

const FULL = [
  { ...ROWS, peers: ['single', 'floor'] },
  FAR_AWAY,
  ...matrix(ROWS, [1, 100, 1_000, 10_000]),
  ...matrix(SCHEMAS, [TENANTS_APART]),
  ...matrix(DATABASES, [TENANTS_APART]),
];

/**
 * What to measure: sections, each a table with a part for each kind of work. Options that name something else than
 * kinds of work replace the quick profile by the matrix of what they name.
 */
export function planOf({ full, works, isolations, tenants, choices, callers, peers }) {
  const isNamed = [isolations, tenants, choices, callers, peers].some((named) => named !== undefined);
  const sections = isNamed ? named({ isolations, tenants, choices, callers, peers }) : full ? FULL : QUICK;
  return sections
    .map((section) => ({ ...section, works: section.works.filter((work) => works?.includes(work) ?? true) }))
    .filter((section) => section.works.length > 0);
}

function named({ isolations = ['row'], tenants, choices = ['uniform'], callers = [64], peers }) {
  return isolations.flatMap((isolation) => {
    const base = { row: ROWS, schema: SCHEMAS, database: DATABASES }[isolation];
    if (!base) throw new Error(`${isolation} is no isolation`);
    const those = peers?.filter((peer) => PEERS_OF[isolation].includes(peer)) ?? base.peers;
    return matrix({ ...base, peers: those }, tenants ?? [base.tenants], choices, callers);
  });
}

function matrix(section, tenants, choices = CHOICES, callers = CALLERS) {
  return tenants.flatMap((count) =>
    // One tenant is chosen in one way only.
    (count === 1 ? choices.slice(0, 1) : choices).flatMap((choice) =>
      callers.map((number) => ({ ...section, tenants: count, choice, callers: number })),
    ),
  );
}

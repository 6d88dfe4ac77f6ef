const ALL = ['read', 'list', 'insert', 'mix'];
const VARIANTS_OF_OURS = ['before', 'address'];
const TENANTS_APART = 100;

/** Peers that can be had for an isolation; for rows those whose one tenant has all the rows. */
export const PEERS_OF = {
  row: ['single', 'floor', 'perRequest', 'sourcePerRequest', ...VARIANTS_OF_OURS],
  schema: ['map', 'multitenant', ...VARIANTS_OF_OURS],
  database: ['map', ...VARIANTS_OF_OURS],
};

const ROWS = { isolation: 'row', tenants: 1_000, choice: 'uniform', callers: 64, works: ALL, peers: ['single'] };
const SCHEMAS = { ...ROWS, isolation: 'schema', tenants: TENANTS_APART, peers: ['map', 'multitenant'] };
const DATABASES = { ...ROWS, isolation: 'database', tenants: TENANTS_APART, peers: ['map'] };
/** They are faster or slower by so much that a few rounds tell. */
const FAR_AWAY = { ...ROWS, works: ['read'], peers: ['floor', 'perRequest', 'sourcePerRequest'], rounds: 3 };

/** Who a caller is, behind a real host name and without one. */
const HOST = { ...ROWS, works: ['tenant'], peers: ['address'] };

const QUICK = [
  ROWS,
  HOST,
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
    .map((section) => ({ ...section, works: worksOf(section, works, isNamed) }))
    .filter((section) => section.works.length > 0);
}

/** Named works replace those of a section that options named; of the others they choose. */
function worksOf(section, works, isNamed) {
  if (works === undefined) return section.works;
  return isNamed ? works : section.works.filter((work) => works.includes(work));
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

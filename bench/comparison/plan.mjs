const ALL = ['read', 'list', 'insert', 'mix'];
const VARIANTS_OF_OURS = ['before', 'address'];
const TENANTS_APART = 100;

/** The peers available per isolation. The row peers hold all tenants' rows as those of one tenant. */
export const PEERS_OF = {
  row: ['single', 'floor', 'perRequest', 'sourcePerRequest', ...VARIANTS_OF_OURS],
  schema: ['map', 'multitenant', ...VARIANTS_OF_OURS],
  database: ['map', ...VARIANTS_OF_OURS],
};

const ROWS = { isolation: 'row', tenants: 1_000, choice: 'uniform', callers: 64, works: ALL, peers: ['single'] };
const SCHEMAS = { ...ROWS, isolation: 'schema', tenants: TENANTS_APART, peers: ['map', 'multitenant'] };
const DATABASES = { ...ROWS, isolation: 'database', tenants: TENANTS_APART, peers: ['map'] };
/** So much faster or slower than the application that a few rounds suffice. */
const FAR_APART = { ...ROWS, works: ['read'], peers: ['floor', 'perRequest', 'sourcePerRequest'], rounds: 3 };

/** Identifying the caller, with a real host name and without one. */
const HOST = { ...ROWS, works: ['tenant'], peers: ['address'] };

const QUICK = [
  ROWS,
  HOST,
  FAR_APART,
  { ...ROWS, choice: 'zipf', works: ['mix'] },
  { ...ROWS, tenants: 1, works: ['read'] },
  { ...SCHEMAS, works: ['read', 'mix'], rounds: 3 },
  { ...DATABASES, works: ['read', 'mix'] },
];

const CHOICES = ['uniform', 'zipf'];
const CALLERS = [8, 64, 256];

const FULL = [
  { ...ROWS, peers: ['single', 'floor'] },
  FAR_APART,
  ...matrix(ROWS, [1, 100, 1_000, 10_000]),
  ...matrix(SCHEMAS, [TENANTS_APART]),
  ...matrix(DATABASES, [TENANTS_APART]),
];

/**
 * The sections to measure: each becomes a table with a group of rows per kind of work. Options for isolation, tenants,
 * choice, callers or peers replace the quick plan with the matrix of their values.
 */
export function planOf({ full, works, isolations, tenants, choices, callers, peers }) {
  const isNamed = [isolations, tenants, choices, callers, peers].some((named) => named !== undefined);
  const sections = isNamed ? named({ isolations, tenants, choices, callers, peers }) : full ? FULL : QUICK;
  return sections
    .map((section) => ({ ...section, works: worksOf(section, works, isNamed) }))
    .filter((section) => section.works.length > 0);
}

/** `--only` sets the works of a section that options have named, and filters those of a predefined section. */
function worksOf(section, works, isNamed) {
  if (works === undefined) return section.works;
  return isNamed ? works : section.works.filter((work) => works.includes(work));
}

function named({ isolations = ['row'], tenants, choices = ['uniform'], callers = [64], peers }) {
  return isolations.flatMap((isolation) => {
    const base = { row: ROWS, schema: SCHEMAS, database: DATABASES }[isolation];
    if (!base) throw new Error(`${isolation} is not an isolation`);
    const available = peers?.filter((peer) => PEERS_OF[isolation].includes(peer)) ?? base.peers;
    return matrix({ ...base, peers: available }, tenants ?? [base.tenants], choices, callers);
  });
}

function matrix(section, tenants, choices = CHOICES, callers = CALLERS) {
  return tenants.flatMap((count) =>
    // With a single tenant, all choices are the same.
    (count === 1 ? choices.slice(0, 1) : choices).flatMap((choice) =>
      callers.map((number) => ({ ...section, tenants: count, choice, callers: number })),
    ),
  );
}

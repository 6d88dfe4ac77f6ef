// The combinations that the package works on, and the few that cover every pair of them.

export const AXES = {
  nest: ['11', '12'],
  http: ['express', 'fastify'],
  format: ['cjs', 'esm'],
  typeorm: ['0.3', '1'],
  node: ['20', '22', '24'],
};

/** What the host compiles with, spread over the cells. */
export const TYPESCRIPTS = ['5.4', '5.9', '6.0', '7.0'];

/** What other projects rule out. */
const IMPOSSIBLE = [
  {
    matches: ({ nest, format, node }) => nest === '12' && format === 'cjs' && node !== '24',
    reason: 'NestJS 12 is ES modules only, which Jest in CommonJS loads from Node 24.9 on',
  },
  {
    matches: ({ nest, format, typescript }) => nest === '12' && format === 'cjs' && typescript === '5.4',
    reason: 'NestJS 12 is ES modules only, which TypeScript lets CommonJS import from 5.8 on',
  },
  {
    matches: ({ format, typescript }) => format === 'cjs' && typescript === '7.0',
    reason: 'the CommonJS hosts are tested by ts-jest, which needs an interface that TypeScript 7 does not have',
  },
];

export const REASONS = IMPOSSIBLE.map(({ reason }) => reason);

/** Every combination that exists. */
export function allCells() {
  const combine = (cells, [axis, values]) =>
    cells.flatMap((cell) => values.map((value) => ({ ...cell, [axis]: value })));
  return spreadTypescript(Object.entries(AXES).reduce(combine, [{}]).filter(isPossible));
}

/**
 * Few cells that contain every pair of values that exists together. The next one is always that with the most new pairs;
 * each version of TypeScript is among them twice.
 */
export function coveringCells() {
  const candidates = allCells();
  const missing = new Set(candidates.flatMap(pairsOf));
  const gain = (cell) => pairsOf(cell).filter((pair) => missing.has(pair)).length;
  const chosen = [];
  while (missing.size > 0) {
    const best = candidates.reduce((first, second) => (gain(second) > gain(first) ? second : first));
    for (const pair of pairsOf(best)) missing.delete(pair);
    chosen.push(best);
  }
  return spreadTypescript(chosen);
}

/** `nest=11 http=express`, … for the axes, which TypeScript is none of. */
export function pairsOf(cell) {
  const values = Object.keys(AXES).map((axis) => `${axis}=${cell[axis]}`);
  return values.flatMap((first, index) => values.slice(index + 1).map((second) => `${first} ${second}`));
}

/** `nest11-express-cjs-typeorm0.3-node20`, or `testing-vitest` for a host that shows a test runner */
export function nameOf({ nest, http, format, typeorm, node, runner }) {
  if (runner) return `testing-${runner}`;
  return `nest${nest}-${http}-${format}-typeorm${typeorm}-node${node}`;
}

/** Gives each cell the version that was given least, of those that it can compile with. */
function spreadTypescript(cells) {
  const used = new Map(TYPESCRIPTS.map((version) => [version, 0]));
  return cells.map((cell) => {
    const possible = TYPESCRIPTS.filter((typescript) => isPossible({ ...cell, typescript }));
    const typescript = possible.reduce((first, second) => (used.get(second) < used.get(first) ? second : first));
    used.set(typescript, used.get(typescript) + 1);
    return { ...cell, typescript };
  });
}

function isPossible(cell) {
  return !IMPOSSIBLE.some(({ matches }) => matches(cell));
}

/**
 * Whether the host of a cell asks for every option and entry point of the package, and so brings the peers that only they
 * need; the others show that these peers are optional. `@nestjs/swagger` has no TypeScript 7 among its own peers, and the
 * declarations of zod do not compile with TypeScript 5.4.
 */
export function asksForEverything({ typescript }) {
  return typescript === '5.9' || typescript === '6.0';
}

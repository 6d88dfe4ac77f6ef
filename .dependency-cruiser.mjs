/**
 * The layers of `src/`, from top to bottom: each imports only what is below it. Folders on one line do not know each
 * other. `docs/architecture.md` draws the same picture, and a test compares the two.
 */
export const LAYERS = [
  ['main.ts', 'cli.ts', 'bin.ts'],
  ['app', 'server'],
  ['index.ts', 'rest.ts', 'testing.ts', 'bullmq.ts', 'pg-boss.ts'],
  ['testing'],
  ['cli'],
  ['tenantry'],
  ['doctor'],
  ['admin'],
  ['operations'],
  ['health', 'metrics', 'queues'],
  ['tenant', 'central'],
  ['http'],
  ['catalog', 'cache', 'object-store'],
  ['database'],
  ['logging', 'tracing'],
  ['dev'],
  ['platform'],
];

/** The rooms of `src/database/`, by the same rule. */
export const DATABASE_ROOMS = [
  ['database.module.ts'],
  ['data-source'],
  ['transactions', 'hydration'],
  ['query-texts'],
  ['archives'],
  ['batches', 'copy'],
  ['replicas'],
  ['statements'],
  ['gates'],
  ['table-migrations', 'sql-guard'],
  ['admin-connections'],
  ['pool'],
  ['budget'],
  ['connection'],
  ['isolation', 'leakproof', 'sizes'],
  ['citus'],
];

/** Matches a file or anything in a folder. */
const within = (root, names) => `^${root}(${names.map((name) => name.replace('.', '[.]')).join('|')})(/|$)`;

/** Nothing imports a layer above its own, nor another folder of its own layer. */
const layerRules = (root, layers) =>
  layers.flatMap((names, index) => {
    const above = layers.slice(0, index).flat();
    return names.map((name) => ({
      name: `layer: ${root}${name}`,
      comment: 'an import against the layers of docs/architecture.md',
      severity: 'error',
      from: { path: within(root, [name]) },
      to: { path: within(root, [...above, ...names.filter((other) => other !== name)]) },
    }));
  });

/** The files that import OpenTelemetry's packages. */
const OPENTELEMETRY = '^src/tracing/(api-tracing|failed-span|open-telemetry|reporting-exporter|request-spans)[.]ts$';

const forbidden = [
  {
    name: 'folder-cycle',
    comment: 'folders that need each other are one room, or a part of one lies in the wrong place',
    severity: 'error',
    scope: 'folder',
    from: {},
    to: { circular: true },
  },
  {
    name: 'file-cycle',
    comment: 'entities that name each other are the exception: TypeORM declares both ends of a relation',
    severity: 'error',
    from: { pathNot: '[.]entity[.]ts$' },
    to: { circular: true },
  },
  {
    name: 'dev-is-loaded-on-demand',
    comment: 'production never loads src/dev: it is imported dynamically, where it is used',
    severity: 'error',
    from: { pathNot: '^src/dev/' },
    to: { path: '^src/dev/', dynamic: false, dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'opentelemetry-is-loaded-on-demand',
    comment: 'its packages are optional: what imports them is itself imported dynamically',
    severity: 'error',
    from: { pathNot: OPENTELEMETRY },
    to: { path: `${OPENTELEMETRY}|@opentelemetry/`, dynamic: false, dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'aws-is-loaded-on-demand',
    comment: 'the SDK is optional: it is imported dynamically, where BACKUP_URL names S3',
    severity: 'error',
    from: {},
    to: { path: '@aws-sdk/', dynamic: false, dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'openid-client-is-loaded-on-demand',
    comment: 'it is optional: it is imported dynamically, where OIDC_ISSUER is set',
    severity: 'error',
    from: {},
    to: { path: 'openid-client', dynamic: false, dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'src-knows-no-tests',
    comment: 'tests and benches import sources, never the other way round',
    severity: 'error',
    from: { path: '^src/' },
    to: { path: '^(test|bench)/' },
  },
  {
    name: 'app-is-a-user-of-the-package',
    comment: 'the sample application imports what any application can: the entry points of the package',
    severity: 'error',
    from: { path: '^src/app/' },
    to: { path: '^src/', pathNot: '^src/(app/|(index|rest|testing|bullmq|pg-boss)[.]ts$)' },
  },
  {
    name: 're-exports-in-entry-points-only',
    comment: 'what is imported through an entry point inside the package would be a detour',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/app/' },
    to: { path: '^src/(index|rest|testing|bullmq|pg-boss)[.]ts$' },
  },
  {
    name: 'unresolvable',
    comment: 'an import that leads nowhere',
    severity: 'error',
    from: {},
    to: { couldNotResolve: true },
  },
  ...layerRules('src/', LAYERS),
  ...layerRules('src/database/', DATABASE_ROOMS),
];

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden,
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};

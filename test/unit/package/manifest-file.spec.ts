import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KEPT, replaceManifest, restoreManifest } from '../../../package/manifest-file.mjs';

const application = readFileSync(fileURLToPath(new URL('../../../package.json', import.meta.url)), 'utf8');

describe('the manifest while the package is packed', () => {
  let root: string;
  const manifest = (): string => readFileSync(join(root, 'package.json'), 'utf8');

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tenantry-manifest-'));
    writeFileSync(join(root, 'package.json'), application);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it("is the package's, and the application's again afterwards, to the byte", () => {
    replaceManifest(root);
    expect(JSON.parse(manifest())).toHaveProperty('peerDependencies');
    restoreManifest(root);
    expect(manifest()).toBe(application);
    expect(existsSync(join(root, KEPT))).toBe(false);
  });

  it('is packed as before when the run before was interrupted', () => {
    replaceManifest(root);
    const derived = manifest();
    replaceManifest(root);
    expect(manifest()).toBe(derived);
    restoreManifest(root);
    expect(manifest()).toBe(application);
  });

  it('is restored when the interruption came before the new one was written', () => {
    replaceManifest(root);
    rmSync(join(root, 'package.json'));
    restoreManifest(root);
    expect(manifest()).toBe(application);
  });

  it('is not overwritten when it was edited in the meantime', () => {
    replaceManifest(root);
    writeFileSync(join(root, 'package.json'), manifest().replace('"MIT"', '"ISC"'));
    expect(() => restoreManifest(root)).toThrow(/package\.json was changed/);
    expect(manifest()).toContain('"ISC"');
  });

  it('stays as it is without an interrupted run', () => {
    restoreManifest(root);
    expect(manifest()).toBe(application);
  });
});

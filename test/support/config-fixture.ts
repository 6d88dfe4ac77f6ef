import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import type { AppConfig } from '../../src/platform/config/app-config.js';
import { ConfigurationError, type ConfigurationProblem } from '../../src/platform/config/config.errors.js';
import { loadConfig } from '../../src/platform/config/load-config.js';

export type Variables = Readonly<Record<string, string>>;

export const KEY_BASE64 = Buffer.alloc(32, 7).toString('base64');
export const OTHER_KEY_BASE64 = Buffer.alloc(32, 8).toString('base64');

/** With these set no secret is generated. */
export const REQUIRED: Variables = { ADMIN_API_KEY: 'an-admin-key-of-tests', ENCRYPTION_KEYS: `k1:${KEY_BASE64}` };
export const PRODUCTION: Variables = {
  ...REQUIRED,
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://db.test/catalog',
};

/** @returns a function that creates folders, which are removed after the spec file */
export function temporaryFolders(): () => string {
  const folders: string[] = [];
  afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));
  return () => {
    const folder = mkdtempSync(join(tmpdir(), 'tenantry-config-'));
    folders.push(folder);
    return folder;
  };
}

export function configOf(env: Variables, cwd: string): AppConfig {
  return loadConfig({ env: { ...env }, cwd }).config;
}

/** The problems that the configuration is rejected for; empty when it is valid. */
export function problemsOf(env: Variables, cwd: string): readonly ConfigurationProblem[] {
  const error = thrownBy(() => configOf(env, cwd));
  if (error === undefined) return [];
  if (error instanceof ConfigurationError) return error.problems;
  throw error;
}

export function thrownBy(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}

export function variablesOf(problems: readonly ConfigurationProblem[]): string[] {
  return problems.map(({ variable }) => variable);
}

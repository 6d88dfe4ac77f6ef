import type { DynamicModule, Type } from '@nestjs/common';
import type { TenantryStructure } from './options.js';
import { isNotInstalled } from '../platform/not-installed.js';
import { MissingPackageError } from './tenantry.errors.js';

interface OptionalModule {
  readonly option: 'controlPlane' | 'health' | 'metrics';
  /** Peers that only this module needs. */
  readonly packages: readonly string[];
  readonly load: () => Promise<Type>;
}

const MODULES: readonly OptionalModule[] = [
  {
    option: 'controlPlane',
    packages: ['@nestjs/swagger'],
    load: async () => (await import('./control-plane.module.js')).ControlPlaneModule,
  },
  {
    option: 'health',
    packages: ['@nestjs/terminus', '@nestjs/swagger'],
    load: async () => (await import('../health/health.module.js')).HealthModule,
  },
  {
    option: 'metrics',
    packages: ['prom-client', '@nestjs/swagger'],
    load: async () => (await import('../metrics/metrics.module.js')).MetricsModule,
  },
];

/** Whether modules are imported for their features only; known to each copy of this file in the process. */
const FEATURES_ONLY = Symbol.for('tenantry/features-only');

interface FeaturesOnly {
  [FEATURES_ONLY]?: boolean;
}

/** Lets `work` import an application's modules without loading the optional ones, which halves the time. */
export async function withoutOptionalModules<T>(work: () => Promise<T>): Promise<T> {
  const registry = globalThis as FeaturesOnly;
  registry[FEATURES_ONLY] = true;
  try {
    return await work();
  } finally {
    delete registry[FEATURES_ONLY];
  }
}

/** The modules that were asked for. They are imported only then, because they need packages that others do without. */
export function optionalModules(structure: TenantryStructure): Promise<DynamicModule>[] {
  if ((globalThis as FeaturesOnly)[FEATURES_ONLY] === true) return [];
  return MODULES.filter(({ option }) => structure[option] === true).map((optional) => {
    const loading = load(optional);
    loading.catch(() => undefined); // Nest awaits it later, and reports its error then
    return loading;
  });
}

async function load({ option, packages, load: loadModule }: OptionalModule): Promise<DynamicModule> {
  try {
    return { module: await loadModule() };
  } catch (error) {
    if (!isNotInstalled(error)) throw error;
    throw new MissingPackageError(option, packages, error);
  }
}

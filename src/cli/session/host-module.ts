import 'reflect-metadata';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Type } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants.js';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import { z } from 'zod';
import type { TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { TENANT_FEATURE, tenantSchemaOf } from '../../tenantry/features.js';
import { withoutOptionalModules } from '../../tenantry/optional-modules.js';
import { TENANTRY_SETTINGS } from '../../tenantry/options.js';
import { HostModuleError } from '../terminal/cli.errors.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { parseJson } from '../../platform/parse-json.js';

const manifest = z.object({ tenantry: z.object({ module: z.string() }).optional() });

/**
 * The schema of the application in a folder: what `forFeature` holds in its root module. The module is imported and its modules
 * are scanned; nothing of it is instantiated.
 *
 * @param module path of the root module's compiled file; by default `"tenantry": { "module": … }` in package.json
 * @throws HostModuleError
 */
export async function loadHostSchema(cwd: string, module: string | undefined): Promise<TenantSchema> {
  const path = resolve(cwd, module ?? (await moduleInManifest(cwd)));
  const exported = await withoutOptionalModules(() => importFile(path));
  const root = rootModuleOf(exported);
  if (!root) throw new HostModuleError(`${path} must export one Nest module, or one named AppModule`);
  return schemaOfModule(root);
}

/** What `forFeature` holds in a root module and in everything that it imports. @throws HostModuleError */
export async function schemaOfModule(root: Type): Promise<TenantSchema> {
  const modules = await scan(root);
  if (![...modules.values()].some(isOfTenantry))
    throw new HostModuleError(`${root.name} does not import TenantryModule`);
  return tenantSchemaOf(modules);
}

async function scan(root: Type): Promise<ModulesContainer> {
  const options = { preview: true, abortOnError: false, logger: false } as const;
  try {
    return (await NestFactory.createApplicationContext(root, options)).get(ModulesContainer);
  } catch (error) {
    throw new HostModuleError(`cannot read the modules of ${root.name}: ${reasonOf(error)}`, error);
  }
}

function isOfTenantry({ providers }: { readonly providers: ReadonlyMap<unknown, unknown> }): boolean {
  return providers.has(TENANTRY_SETTINGS) || providers.has(TENANT_FEATURE);
}

async function moduleInManifest(cwd: string): Promise<string> {
  const content = await readFile(resolve(cwd, 'package.json'), 'utf8').catch(() => '{}');
  const parsed = parseJson(content);
  if (parsed === undefined) throw new HostModuleError('package.json is not valid JSON');
  const module = manifest.safeParse(parsed).data?.tenantry?.module;
  if (module !== undefined) return module;
  throw new HostModuleError(
    'no root module is configured: add "tenantry": { "module": "./dist/app.module.js" } to package.json, or use --module <file>',
  );
}

async function importFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  if (!existsSync(path)) throw new HostModuleError(`${path} does not exist: build the application first`);
  try {
    return (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new HostModuleError(`cannot load ${path}: ${reasonOf(error)}`, error);
  }
}

/** `AppModule`, or else the only module that the file exports. */
function rootModuleOf(exported: Readonly<Record<string, unknown>>): Type | undefined {
  // What a CommonJS file exports is the default export here, and may have a default export itself.
  const inDefault = Object.values(exported['default'] ?? {});
  const modules = new Set([...Object.values(exported), ...inDefault].filter(isModule));
  const [only, ...others] = modules;
  if (others.length === 0) return only;
  return [...modules].find(({ name }) => name === 'AppModule');
}

function isModule(value: unknown): value is Type {
  return typeof value === 'function' && Object.values(MODULE_METADATA).some((key) => Reflect.hasMetadata(key, value));
}

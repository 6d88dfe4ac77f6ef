import { Injectable, type Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import type { TenantHooksClass } from '../../database/table-migrations/tenant-schema/tenant-hooks-class.js';
import { DuplicateHooksError, InvalidHooksError } from './tenant-hooks.errors.js';
import { TENANT_EVENTS, type TenantHooks } from './tenant-hooks.js';

/** How operations treat the hooks of one class. */
export interface OnTenantOptions {
  /**
   * What operations, records and the log call these hooks: letters, digits, `.`, `_` and `-`, at most 63 characters. Default:
   * the name of the class. A new name is a new hook.
   */
  readonly name?: string;
  /**
   * Whether an operation fails when one of these hooks has failed for the last time; it can be retried. A new tenant is then
   * not served, and the data of one that is being deleted is kept. Otherwise the failure is recorded, and the operation goes
   * on. Default: false.
   */
  readonly required?: boolean;
  /** Seconds after which an attempt has failed. Default: 60. */
  readonly timeoutSeconds?: number;
}

const OPTIONS = Symbol.for('tenantry/on-tenant');
const NAME = /^[a-z][a-z0-9._-]{0,62}$/i;
const DEFAULT_TIMEOUT_SECONDS = 60;
const MAX_TIMEOUT_SECONDS = 3_600;

/** Names of what else operations call and record. */
const RESERVED_NAMES: readonly string[] = ['seed'];

/**
 * Declares hooks of a tenant's life: an injectable class that is a provider of any module of the application.
 *
 *     @onTenant()
 *     export class WelcomeMail implements TenantHooks {
 *       constructor(private readonly mail: Mail) {}
 *       provisioned(tenant: Tenant, { key }: HookCall) { return this.mail.send('welcome', tenant.slug, key); }
 *     }
 *
 * @throws InvalidHooksError
 */
export function onTenant(options: OnTenantOptions = {}): (target: Type<TenantHooks>) => void {
  return (target) => {
    Injectable()(target);
    Reflect.defineMetadata(OPTIONS, declaration(target, options), target);
  };
}

/**
 * The classes with hooks among the providers of an application's modules, whether they are instantiated or not.
 *
 * @throws DuplicateHooksError
 */
export function hooksOf(modules: ModulesContainer): TenantHooksClass[] {
  const classes = new Set<object>();
  for (const { providers } of modules.values()) {
    for (const { metatype } of providers.values()) if (isDeclared(metatype)) classes.add(metatype);
  }
  const found = [...classes].map((each) => Reflect.getOwnMetadata(OPTIONS, each) as TenantHooksClass);
  const names = found.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new DuplicateHooksError(twice);
  return found;
}

function isDeclared(metatype: unknown): metatype is object {
  return typeof metatype === 'function' && Reflect.hasOwnMetadata(OPTIONS, metatype);
}

function declaration(
  target: Type<TenantHooks>,
  { name = target.name, required = false, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS }: OnTenantOptions,
): TenantHooksClass {
  const prototype = target.prototype as TenantHooks;
  const events = TENANT_EVENTS.filter((event) => typeof prototype[event] === 'function');
  if (!NAME.test(name) || RESERVED_NAMES.includes(name)) {
    throw new InvalidHooksError(
      name,
      'a name has letters, digits, ".", "_" and "-", begins with a letter, and is not "seed"',
    );
  }
  if (!(timeoutSeconds > 0 && timeoutSeconds <= MAX_TIMEOUT_SECONDS)) {
    throw new InvalidHooksError(name, `timeoutSeconds must be above 0 and at most ${MAX_TIMEOUT_SECONDS}`);
  }
  if (events.length === 0) throw new InvalidHooksError(name, `it needs a method named ${TENANT_EVENTS.join(', ')}`);
  return { name, type: target, events, required, timeoutMs: timeoutSeconds * 1_000 };
}

import { Inject, Injectable, Optional } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { resolveInjectable } from '../../platform/injectable-copies.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import type { TenantHooksClass } from '../../database/table-migrations/tenant-schema/tenant-hooks-class.js';
import { TenantContext } from '../../tenant/context/tenant-context.js';
import type { TenantEvent, TenantHooks } from './tenant-hooks.js';

/** Injection token of the application whose hooks are called. Without it: the application that this process is. */
export const HOOKS_APPLICATION = Symbol.for('tenantry/hooks-application');

/** What finds the providers of an application. */
export type HooksApplication = Pick<ModuleRef, 'get'>;

/** Name under which seeds are required and recorded, as hooks are under theirs. */
export const SEED = 'seed';

/** The application's hooks: those that it declares, and, where the application runs, their instances. */
@Injectable()
export class HookHost {
  private readonly classes: readonly TenantHooksClass[];
  private readonly hasSeed: boolean;

  constructor(
    @Inject(TENANT_SCHEMA) { hooks = [], seed }: TenantSchema,
    private readonly modules: ModuleRef,
    @Optional() @Inject(HOOKS_APPLICATION) private readonly given?: HooksApplication,
  ) {
    this.classes = hooks;
    this.hasSeed = seed !== undefined;
  }

  /** The hooks of an event, in the order of their modules; all, or only those that are required or are not. */
  of(event: TenantEvent, which: { readonly required?: boolean } = {}): readonly TenantHooksClass[] {
    return this.classes.filter(
      ({ events, required }) => events.includes(event) && (which.required ?? required) === required,
    );
  }

  /** What an instance needs to run operations in which these events happen. */
  namesFor(events: readonly TenantEvent[]): readonly string[] {
    const hooks = this.classes.filter((hook) => events.some((event) => hook.events.includes(event)));
    const seeds = this.hasSeed && events.includes('provisioned') ? [SEED] : [];
    return [...seeds, ...hooks.map(({ name }) => name)];
  }

  /** What this process can call. A command line knows the hooks of an application, but has no instances of them. */
  get runnable(): readonly string[] {
    const hooks = this.context ? this.classes.map(({ name }) => name) : [];
    return this.hasSeed ? [SEED, ...hooks] : hooks;
  }

  /** The context of the application's tenants; undefined where the application does not run. */
  get context(): TenantContext | undefined {
    try {
      return resolveInjectable(this.application, TenantContext);
    } catch {
      return undefined;
    }
  }

  /** @throws Nest's UnknownElementException */
  instanceOf({ type }: TenantHooksClass): TenantHooks {
    return this.application.get<TenantHooks>(type, { strict: false });
  }

  private get application(): HooksApplication {
    return this.given ?? this.modules;
  }
}

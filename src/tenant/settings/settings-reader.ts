import { Inject, Injectable, Logger } from '@nestjs/common';
import { LIMIT_NAMES } from '../../catalog/model/limits.js';
import type { TenantLimits } from '../../catalog/model/tenant-limits.js';
import type { Plan } from '../../catalog/model/plan.js';
import type { Tenant } from '../../catalog/model/tenant.js';
import { PlanList } from '../../catalog/plans/plan-list.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { setNewest } from '../../platform/bounded-map.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { Features } from './features.js';
import { effectiveSetting, type EffectiveValue, effectiveValue } from './setting-layers.js';
import type { TenantSettings } from './tenant-settings.js';

/** What a tenant has of its own. */
export type OwnSettings = Pick<Tenant, 'settings' | 'features' | 'limits'>;

/** What holds for a tenant, by key, with its origin. */
export interface SettingOrigins {
  readonly settings: ReadonlyMap<string, EffectiveValue>;
  readonly features: ReadonlyMap<string, EffectiveValue<boolean>>;
  /** Without those that neither the tenant nor its plan sets: they are the environment's. */
  readonly limits: ReadonlyMap<string, EffectiveValue<number>>;
}

/** What holds for a tenant. Frozen. */
export interface EffectiveSettings {
  /** That it was computed with. */
  readonly plan: Plan | undefined;
  readonly settings: Readonly<TenantSettings>;
  readonly features: Features;
  readonly limits: TenantLimits;
}

const MAX_LOGGED = 10_000;

/** Computes what holds for a tenant from its own values, its plan's, the environment's and the defaults of the code. */
@Injectable()
export class SettingsReader {
  private readonly logger = new Logger('Settings');
  private readonly logged = new Map<string, true>();

  /** @internal */
  constructor(
    @Inject(TENANT_SCHEMA) private readonly schema: Pick<TenantSchema, 'settings' | 'featureFlags'>,
    @Inject(APP_CONFIG) private readonly config: Pick<AppConfig, 'tenantFeatures'>,
    private readonly plans: PlanList,
  ) {}

  /** Waits for the plan if that has just changed. Never rejects: a value that is not valid is left out, and logged once. */
  async read(tenant: Tenant): Promise<EffectiveSettings> {
    const plan = await this.plans.findCurrent(tenant.plan);
    const { settings, features, limits } = this.originsOf(tenant, plan);
    for (const [key, { refused }] of settings) {
      for (const { origin, reason } of refused)
        this.report(origin === 'plan' ? `plan ${plan?.name}` : tenant.slug, key, reason);
    }
    return Object.freeze({
      plan,
      // Every declared key is there; that the application's declaration names no other is its own to see to.
      settings: Object.freeze(valuesOf(settings)) as unknown as TenantSettings,
      features: new Features([...features].map(([name, { value }]) => [name, value] as const)),
      limits: Object.freeze(valuesOf(limits)),
    });
  }

  /** Whether they are still those of the tenant, which is the same object as when they were read. */
  isCurrent(effective: EffectiveSettings, { plan }: Tenant): boolean {
    return plan === undefined || (this.plans.isCurrent && this.plans.find(plan) === effective.plan);
  }

  originsOf(own: OwnSettings, plan: Omit<Plan, 'name' | 'version'> | undefined): SettingOrigins {
    const layersOf = <Name extends keyof OwnSettings>(name: Name) => [
      { origin: 'plan', values: plan?.[name] } as const,
      { origin: 'tenant', values: own[name] } as const,
    ];
    const { settings = {}, featureFlags = {} } = this.schema;
    const flags = [
      { origin: 'default', values: featureFlags } as const,
      { origin: 'environment', values: this.config.tenantFeatures } as const,
      ...layersOf('features'),
    ];
    const limits = layersOf('limits') as { origin: 'plan' | 'tenant'; values: Record<string, number> | undefined }[];
    return {
      settings: new Map(
        Object.entries(settings).map(([key, schema]) => [key, effectiveSetting(key, schema, layersOf('settings'))]),
      ),
      features: found(Object.keys(featureFlags), (name) => effectiveValue<boolean>(name, flags)),
      limits: found(LIMIT_NAMES, (name) => effectiveValue<number>(name, limits)),
    };
  }

  private report(owner: string, key: string, reason: string): void {
    const entry = `${owner} ${key}`;
    if (this.logged.has(entry)) return;
    setNewest(this.logged, entry, true, MAX_LOGGED);
    this.logger.warn(`The setting ${key} of ${owner} is not valid and has no effect: ${reason}`);
  }
}

function found<Value>(
  names: readonly string[],
  find: (name: string) => EffectiveValue<Value> | undefined,
): ReadonlyMap<string, EffectiveValue<Value>> {
  return new Map(
    names.flatMap((name) => {
      const value = find(name);
      return value ? [[name, value] as const] : [];
    }),
  );
}

function valuesOf(values: ReadonlyMap<string, EffectiveValue>): Record<string, unknown> {
  return Object.fromEntries([...values].map(([key, { value }]) => [key, value]));
}

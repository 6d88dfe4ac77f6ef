import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { PlanEntity } from '../../catalog/entities/plan.entity.js';
import { TenantEntity, toTenant } from '../../catalog/entities/tenant.entity.js';
import { type Plan, toPlan } from '../../catalog/model/plan.js';
import type { Tenant } from '../../catalog/model/tenant.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { parseSlugOrId } from '../../http/input/slug-or-id.js';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import type { EffectiveValue } from '../../tenant/settings/setting-layers.js';
import { SettingsReader } from '../../tenant/settings/settings-reader.js';
import { changed } from '../plans/setting.schemas.js';
import { SettingInput } from '../plans/setting-input.js';
import { TenantRecords } from '../tenants/tenant-records.js';
import type { SettingsChange, SettingsView } from './settings.schemas.js';

/** Reads and changes the settings and feature flags of one tenant. */
@Injectable()
export class TenantSettingsRecords {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(TENANT_SCHEMA) private readonly schema: Pick<TenantSchema, 'settings' | 'featureFlags'>,
    private readonly records: TenantRecords,
    private readonly reader: SettingsReader,
    private readonly input: SettingInput,
    private readonly audit: AuditLog,
  ) {}

  /** What holds for the tenant, from where, as the catalog has it now. @throws NotFoundError */
  async read(slugOrId: string, catalog: EntityManager = this.catalog.manager): Promise<SettingsView> {
    const entity = await catalog.findOneBy(TenantEntity, parseSlugOrId(slugOrId));
    if (!entity) throw new NotFoundError('tenant', slugOrId);
    const row = entity.plan === null ? null : await catalog.findOneBy(PlanEntity, { name: entity.plan });
    const [tenant, plan] = [toTenant(entity), row ? toPlan(row) : undefined];
    const origins = this.reader.originsOf(tenant, plan);
    return {
      tenant: tenant.slug,
      plan: entity.plan,
      settings: Object.fromEntries(
        [...origins.settings].map(([key, value]) => [key, viewOf(key, value, tenant, plan)]),
      ),
      features: originsView(origins.features),
      limits: originsView(origins.limits),
      own: { settings: { ...tenant.settings }, features: { ...tenant.features }, limits: tenant.limits },
      unknown: this.unknownIn(tenant, plan),
      version: entity.version,
    };
  }

  /** Within a second it holds on every instance. @throws NotFoundError, ValidationFailedError */
  change(slugOrId: string, change: SettingsChange, actor: Actor): Promise<SettingsView> {
    this.input.assertValid(change);
    return this.catalog.transaction(async (catalog) => {
      const { id, slug, ...before } = await this.records.lock(catalog, slugOrId);
      const settings = changed(before.settings, change.settings);
      this.input.assertSize(settings);
      const row: object = { settings, features: changed(before.features, change.features) };
      await catalog.update(TenantEntity, id, row);
      await this.audit.record(catalog, {
        ...{ actor, action: 'tenant.settings', subjectKind: 'tenant', subjectId: id, subject: slug },
        ...(change.features && { before: { features: before.features } }),
        after: changeOf(change),
      });
      return this.read(id, catalog);
    });
  }

  /** Of another release, or written by hand. */
  private unknownIn(tenant: Tenant, plan: Plan | undefined): string[] {
    const { settings = {}, featureFlags = {} } = this.schema;
    const stored = [tenant, plan].flatMap((owner) => [
      ...Object.keys(owner?.settings ?? {}).filter((key) => !Object.hasOwn(settings, key)),
      ...Object.keys(owner?.features ?? {}).filter((name) => !Object.hasOwn(featureFlags, name)),
    ]);
    return [...new Set(stored)].toSorted();
  }
}

/** Of settings the keys only: their values are the application's, and the audit log is kept for ever. */
function changeOf({ settings, features }: SettingsChange): object {
  const keys = Object.entries(settings ?? {});
  const removed = keys.flatMap(([key, value]) => (value === null ? [key] : []));
  const set = keys.flatMap(([key, value]) => (value === null ? [] : [key]));
  return {
    ...(set.length > 0 && { settings: set }),
    ...(removed.length > 0 && { removed }),
    ...(features && { features }),
  };
}

/** As it is stored; a default as the schema makes it. */
function viewOf(key: string, { value, origin, refused }: EffectiveValue, tenant: Tenant, plan: Plan | undefined) {
  const stored = origin === 'tenant' ? tenant.settings?.[key] : plan?.settings[key];
  return {
    value: origin === 'default' ? value : stored,
    origin,
    ...(refused.length > 0 && { refused: [...refused] }),
  };
}

function originsView<Value>(values: ReadonlyMap<string, EffectiveValue<Value>>) {
  return Object.fromEntries([...values].map(([name, { value, origin }]) => [name, { value, origin }]));
}

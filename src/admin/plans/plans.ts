import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { PlanEntity } from '../../catalog/entities/plan.entity.js';
import { ConflictError, NotFoundError } from '../../platform/errors/request.errors.js';
import { type ConstraintErrors, withConstraintErrors } from '../../platform/postgres/constraint-errors.js';
import type { NewPlan, PlanChange, PlanView } from './plan.schemas.js';
import { changed } from './setting.schemas.js';
import { SettingInput } from './setting-input.js';

/** Every instance keeps all plans in memory. */
const MAX_PLANS = 500;

const VIEW = `
  SELECT p.name, p.description, p.settings, p.features, p.limits, p.version, p.created_at AS "createdAt",
         p.updated_at AS "updatedAt", (SELECT count(*)::int FROM tenants t WHERE t.plan = p.name) AS tenants
  FROM tenant_plans p`;

type Row = Omit<PlanView, 'createdAt' | 'updatedAt'> & { readonly createdAt: Date; readonly updatedAt: Date };

const TAKEN: ConstraintErrors = {
  tenant_plans_pkey: () => new ConflictError('a plan with this name already exists'),
};

const IN_USE: ConstraintErrors = {
  tenants_plan_fkey: () => new ConflictError('the plan has tenants: give them another one first'),
};

/** What tenants that pay for the same have in common: settings, feature flags and limits, unless they have their own. */
@Injectable()
export class Plans {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly input: SettingInput,
    private readonly audit: AuditLog,
  ) {}

  /** Ordered by name. */
  async list(): Promise<readonly PlanView[]> {
    return (await this.catalog.query<Row[]>(`${VIEW} ORDER BY p.name`)).map(toView);
  }

  /** @throws NotFoundError */
  async read(name: string, catalog: EntityManager = this.catalog.manager): Promise<PlanView> {
    const [row] = await catalog.query<Row[]>(`${VIEW} WHERE p.name = $1`, [name]);
    if (!row) throw new NotFoundError('plan', name);
    return toView(row);
  }

  /** @throws ValidationFailedError, ConflictError (the name is in use, there are too many plans) */
  async create(catalog: EntityManager, plan: NewPlan, actor: Actor): Promise<PlanView> {
    this.input.assertValid(plan, true);
    this.input.assertSize(plan.settings);
    if ((await catalog.count(PlanEntity)) >= MAX_PLANS) throw new ConflictError(`there are ${MAX_PLANS} plans already`);
    await withConstraintErrors(TAKEN, () => catalog.insert(PlanEntity, rowOf({ ...plan, version: 1 })));
    const { description, settings, features, limits } = plan;
    await this.record(catalog, 'plan.create', plan.name, actor, {
      after: { description, settings: Object.keys(settings), features, limits },
    });
    return this.read(plan.name, catalog);
  }

  /**
   * Within a second it holds for every tenant of the plan on every instance, however many there are.
   *
   * @throws NotFoundError, ValidationFailedError
   */
  async change(name: string, change: PlanChange, actor: Actor): Promise<PlanView> {
    this.input.assertValid(change);
    return this.catalog.transaction(async (catalog) => {
      const plan = await catalog.findOne(PlanEntity, { where: { name }, lock: { mode: 'pessimistic_write' } });
      if (!plan) throw new NotFoundError('plan', name);
      const after = {
        description: change.description === undefined ? plan.description : change.description,
        settings: changed(plan.settings, change.settings),
        features: changed(plan.features, change.features),
        limits: changed({ ...plan.limits }, change.limits),
      };
      this.input.assertSize(after.settings);
      await catalog.update(PlanEntity, { name }, rowOf(after));
      await this.record(catalog, 'plan.change', name, actor, changeOf(change, plan));
      return this.read(name, catalog);
    });
  }

  /** @throws NotFoundError, ConflictError (it has tenants) */
  async delete(name: string, actor: Actor): Promise<void> {
    await this.catalog.transaction(async (catalog) => {
      const { affected } = await withConstraintErrors(IN_USE, () => catalog.delete(PlanEntity, { name }));
      if (affected === 0) throw new NotFoundError('plan', name);
      await this.record(catalog, 'plan.delete', name, actor, {});
    });
  }

  private record(
    catalog: EntityManager,
    action: string,
    name: string,
    actor: Actor,
    change: { readonly before?: object; readonly after?: object },
  ): Promise<void> {
    return this.audit.record(catalog, {
      actor,
      action,
      subjectKind: 'plan',
      subjectId: name,
      subject: name,
      ...change,
    });
  }
}

/** Of settings the keys only: their values are the application's, and the audit log is kept for ever. */
function changeOf({ settings, ...change }: PlanChange, plan: PlanEntity): { before: object; after: object } {
  const fields = Object.keys(change) as (keyof typeof change)[];
  return {
    before: Object.fromEntries(fields.map((field) => [field, plan[field]])),
    after: { ...change, ...(settings && { settings: Object.keys(settings) }) },
  };
}

/** TypeORM's types take values of an unknown type for rows of relations. */
function rowOf(values: { readonly [Field in keyof PlanEntity]?: PlanEntity[Field] | undefined }): object {
  return values;
}

function toView(row: Row): PlanView {
  return { ...row, createdAt: row.createdAt.toISOString(), updatedAt: row.updatedAt.toISOString() };
}

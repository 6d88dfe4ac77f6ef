import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type EntityManager, In } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { PlanEntity } from '../../catalog/entities/plan.entity.js';
import { TenantDomainEntity } from '../../catalog/entities/tenant-domain.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { orderedNames } from '../../database/table-migrations/versions/migration-names.js';
import { codeVersion } from '../../database/table-migrations/versions/migration-version.js';
import { Operations } from '../../operations/operations.js';
import { type FieldProblem, NotFoundError, ValidationFailedError } from '../../platform/errors/request.errors.js';
import { groupBy } from '../../platform/group-by.js';
import { withConstraintErrors } from '../../platform/postgres/constraint-errors.js';
import { type Selection, ServerSelection } from '../placement/server-selection.js';
import { MissingServerRightsError } from '../provisioning/provisioning.errors.js';
import { NEW_TENANTS, ProvisionTenantsKind } from '../provisioning/provision-tenants.kind.js';
import type { NewTenant, NewTenants } from './tenant.schemas.js';
import { TAKEN, TenantDomains } from './tenant-domains.js';

/** A tenant of the list, with its id and its place in the list. */
interface ListedTenant extends NewTenant {
  readonly id: string;
  readonly index: number;
}

/** The same with its server. */
interface PlacedTenant extends ListedTenant {
  readonly server: string;
  readonly serverId: string;
}

const INSERT = `
  WITH added AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $9::text[], $10::text[], $12::text[], $13::uuid[])
      AS a (id, slug, isolation, limits, entry, groups, plan, labels, server_id)
  ), inserted AS (
    INSERT INTO tenants (id, slug, isolation, limits, groups, plan, placement_labels, planned_server_id)
    SELECT id, slug, isolation, limits::jsonb, ARRAY(SELECT jsonb_array_elements_text(groups::jsonb)), plan, labels::jsonb, server_id
    FROM added
  )
  INSERT INTO audit_log (actor, address, request_id, actor_id, action, subject_kind, subject_id, subject, after)
  SELECT $6, $7, $8, $11::uuid, 'tenant.create', 'tenant', id::text, slug, entry::jsonb FROM added`;

const INSERT_DOMAINS = `
  INSERT INTO tenant_domains (domain, tenant_id) SELECT * FROM unnest($1::text[], $2::uuid[])`;

/** Creates many tenants with one operation: all of them, or none when one of the list is refused. */
@Injectable()
export class BulkCreation {
  constructor(
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly operations: Operations,
    private readonly kind: ProvisionTenantsKind,
    private readonly selection: ServerSelection,
    private readonly domains: TenantDomains,
  ) {}

  /**
   * Creates the tenants, which are not served yet, and the operation that provisions them. Statements are as many for a
   * thousand tenants as for one.
   *
   * @throws ValidationFailedError naming each tenant whose slug or domain is in use, whose plan or server is missing, or whose server cannot have it;
   *   ConflictError (another operation of the kind is in progress), MissingServerRightsError
   */
  async create(catalog: EntityManager, { tenants }: NewTenants, actor: Actor): Promise<OperationEntity> {
    const listed = tenants.map((tenant, index) => ({ ...tenant, id: randomUUID(), index }));
    const asked = listed.map(({ server, isolation, placement }) => ({ server, isolation, labels: placement ?? null }));
    const selections = await this.selection.selectAll(catalog, asked);
    const problems = [
      ...serverProblems(listed, selections),
      ...(await planProblems(catalog, listed)),
      ...(await slugProblems(catalog, listed)),
      ...this.impossibleDomains(listed),
      ...(await domainProblems(catalog, listed)),
    ];
    if (problems.length > 0) throw new ValidationFailedError(problems);
    const placed = listed.map((tenant, n) => ({ ...tenant, ...placeOf(selections[n]) }));
    await withConstraintErrors(TAKEN, () => insert(catalog, placed, actor));
    const byServer = groupBy(placed, ({ serverId }) => serverId);
    const input = {
      servers: Array.from(byServer, ([serverId, added]) => ({ serverId, tenantIds: added.map(({ id }) => id) })),
    };
    const { migrations } = this.schema; // older code would create outdated tables
    const code = { requiredCode: codeVersion(migrations), requiredMigrations: orderedNames(migrations) };
    const creation = { kind: this.kind, input, tenantId: null, subject: NEW_TENANTS, ...code };
    return this.operations.create(catalog, creation, actor);
  }

  private impossibleDomains(tenants: readonly ListedTenant[]): readonly FieldProblem[] {
    return tenants.flatMap(({ slug, domains, index }) =>
      domains.flatMap((domain, n) => {
        const message = this.domains.problemOf(slug, domain);
        return message === undefined ? [] : [problem(index, `domains.${n}`, message)];
      }),
    );
  }
}

async function insert(catalog: EntityManager, tenants: readonly PlacedTenant[], actor: Actor): Promise<void> {
  const columnOf = <T>(value: (tenant: PlacedTenant) => T): T[] => tenants.map(value);
  await catalog.query(INSERT, [
    columnOf(({ id }) => id),
    columnOf(({ slug }) => slug),
    columnOf(({ isolation }) => isolation),
    columnOf(({ limits }) => JSON.stringify(limits)),
    columnOf(({ id: _id, index: _index, serverId: _serverId, ...entry }) => JSON.stringify(entry)),
    ...[actor.name, actor.address ?? null, actor.requestId ?? null],
    columnOf(({ groups = [] }) => JSON.stringify(groups)),
    columnOf(({ plan }) => plan ?? null),
    actor.id ?? null,
    columnOf(({ placement }) => placement && JSON.stringify(placement)),
    columnOf(({ serverId }) => serverId),
  ]);
  const domains = tenants.flatMap(({ id, domains: names }) => names.map((domain) => ({ domain, id })));
  if (domains.length === 0) return;
  await catalog.query(INSERT_DOMAINS, [domains.map(({ domain }) => domain), domains.map(({ id }) => id)]);
}

/** Missing rights are those of the installation, and refused as such. @throws MissingServerRightsError */
function serverProblems(tenants: readonly ListedTenant[], selections: readonly Selection[]): readonly FieldProblem[] {
  return tenants.flatMap(({ server, placement, index }, n) => {
    const selection = selections[n];
    if (!selection || 'server' in selection) return [];
    const { refusal } = selection;
    if (refusal instanceof MissingServerRightsError) throw refusal;
    const isByRule = server === undefined && placement !== undefined;
    return [problem(index, isByRule ? 'placement' : 'server', refusal.message)];
  });
}

/** @throws the reason why there is none, after which nothing is created */
function placeOf(selection: Selection | undefined): { readonly server: string; readonly serverId: string } {
  if (selection && 'server' in selection) return { server: selection.server.name, serverId: selection.server.id };
  throw selection?.refusal ?? new NotFoundError('server');
}

async function planProblems(
  catalog: EntityManager,
  tenants: readonly ListedTenant[],
): Promise<readonly FieldProblem[]> {
  const names = [...new Set(tenants.flatMap(({ plan }) => plan ?? []))];
  if (names.length === 0) return [];
  const plans = new Set((await catalog.findBy(PlanEntity, { name: In(names) })).map(({ name }) => name));
  return tenants.flatMap(({ plan, index }) =>
    plan === undefined || plans.has(plan) ? [] : [problem(index, 'plan', 'no such plan')],
  );
}

async function slugProblems(
  catalog: EntityManager,
  tenants: readonly ListedTenant[],
): Promise<readonly FieldProblem[]> {
  const where = { slug: In(tenants.map(({ slug }) => slug)) };
  const taken = new Set((await catalog.find(TenantEntity, { where, select: { slug: true } })).map(({ slug }) => slug));
  return tenants.flatMap(({ slug, index }) => {
    if (taken.has(slug)) return [problem(index, 'slug', 'is already in use')];
    taken.add(slug);
    return [];
  });
}

async function domainProblems(
  catalog: EntityManager,
  tenants: readonly ListedTenant[],
): Promise<readonly FieldProblem[]> {
  const names = tenants.flatMap(({ domains }) => domains);
  if (names.length === 0) return [];
  const taken = new Set((await catalog.findBy(TenantDomainEntity, { domain: In(names) })).map(({ domain }) => domain));
  return tenants.flatMap(({ domains, index }) =>
    domains.flatMap((domain, n) => {
      if (taken.has(domain)) return [problem(index, `domains.${n}`, 'belongs to another tenant')];
      taken.add(domain);
      return [];
    }),
  );
}

function problem(index: number, field: string, message: string): FieldProblem {
  return { field: `tenants.${index}.${field}`, message };
}

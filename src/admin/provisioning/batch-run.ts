import { Logger } from '@nestjs/common';
import type { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import type { Isolation } from '../../catalog/model/tenant.js';
import { failureOf } from '../../platform/postgres/failure-of.js';
import type { OperationRun } from '../../operations/operation-kind.js';
import { runInLanes } from '../../operations/run-in-lanes.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { groupBy } from '../../platform/group-by.js';
import type { BatchHooks } from '../tenant-hooks/batch-hooks.js';
import type { HookPlace } from '../tenant-hooks/operation-scopes.js';
import type { Activation } from './activation.js';
import type { BatchInput } from './batch-input.js';
import type { BatchTenants, NewTenantRow } from './batch-tenants.js';
import { schemaNameOf } from './names.js';
import type { Placements } from './placements.js';
import { ProvisioningIncompleteError } from './provisioning.errors.js';

/** Tenants in work at the same time on each server: one admin connection is left for other operations. */
const PARALLELISM = 3;

/** Schemas that are made over one connection. Not too many, so that lanes end at about the same time. */
const SCHEMAS_PER_CONNECTION = 10;

interface PlacedTenant extends NewTenantRow {
  readonly serverId: string;
}

/** Tenants of one server that are provisioned over one connection: some with schemas, or one with a database. */
interface Portion {
  readonly serverId: string;
  readonly tenants: readonly PlacedTenant[];
}

/** One step of the provisioning of many tenants, on one instance. What is left to do is read from the catalog. */
export class BatchRun {
  private readonly logger = new Logger('Provisioning');
  private readonly sharedTargets = new Map<string, Promise<ConnectionTargetEntity>>();

  constructor(
    private readonly run: OperationRun<BatchInput>,
    private readonly tenants: BatchTenants,
    private readonly placements: Placements,
    private readonly activation: Activation,
    private readonly hooks: BatchHooks,
  ) {}

  /** Creates login role and database that a server's row and schema tenants share. */
  async sharedDatabases(): Promise<void> {
    await this.onEachServer(['row', 'schema'], async (tenants) => {
      const target = await this.targetOf(tenants[0]!);
      await this.placements.createRole(target, this.run.lost);
      await this.placements.createDatabase(target, this.run.lost);
    });
  }

  /** Activates all row tenants of a server at once. */
  async rowTenants(): Promise<void> {
    await this.onEachServer(['row'], (tenants) => this.provision(tenants, tenants[0]!));
  }

  /** @throws ProvisioningIncompleteError when tenants have failed, in this step or an earlier one */
  async otherTenants(): Promise<void> {
    await this.onEachServer(['schema'], async (tenants) => {
      const target = await this.targetOf(tenants[0]!);
      await this.tenants.locate(target.id, new Map(tenants.map((tenant) => [tenant.id, schemaNameOf(tenant, target)])));
    });
    const portions = portionsOf(await this.remaining(['schema', 'database']));
    let { done, total } = await this.progress();
    const { signal } = this.run;
    await runInLanes(portions, { parallelism: PARALLELISM, signal }, async ({ tenants }) => {
      const left = await this.provisionSchemas(tenants, () => this.run.reportProgress((done += 1), total));
      for (const tenant of left) {
        if (signal.aborted) return;
        await this.attempt([tenant], () => this.provision([tenant], tenant));
        this.run.reportProgress((done += 1), total);
      }
    });
    signal.throwIfAborted();
    await this.hooks.callPending(this.run, 'provisioned', { required: false });
    await this.finish();
  }

  /**
   * Provisions tenants with schemas over one connection, up to the first failure.
   *
   * @returns those that are left: the one that failed is tried once more by itself, which decides its outcome
   */
  private async provisionSchemas(
    tenants: readonly PlacedTenant[],
    onProvisioned: () => void,
  ): Promise<readonly PlacedTenant[]> {
    const { id: operationId, signal, lost } = this.run;
    if (tenants.length < 2) return tenants;
    const left = new Set(tenants);
    try {
      const target = await this.targetOf(tenants[0]!);
      const bySchema = new Map(tenants.map((tenant) => [schemaNameOf(tenant, target), tenant]));
      let startedAt = performance.now();
      await this.placements.createAndMigrate(target, [...bySchema.keys()], lost, async (schema, tables) => {
        const tenant = bySchema.get(schema)!;
        const tenantIds = await this.prepare([tenant], { targetId: target.id, schema });
        const outcome = { operationId, durationMs: Math.round(performance.now() - startedAt) };
        if (tenantIds.length > 0)
          await this.activation.activate({ tenantIds, targetId: target.id, schema, tables, outcome });
        left.delete(tenant);
        onProvisioned();
        startedAt = performance.now();
        signal.throwIfAborted();
      });
    } catch (error) {
      lost.throwIfAborted();
      if (!signal.aborted) this.logger.warn(`Provisioning ${left.size} schemas one by one: ${reasonOf(error)}`);
    }
    return [...left];
  }

  /** Creates the tables of the first one's schema, where all of them are. */
  private async provision(tenants: readonly PlacedTenant[], first: PlacedTenant): Promise<void> {
    const startedAt = performance.now();
    const { id: operationId, lost } = this.run;
    const target = await this.targetOf(first);
    const schema = schemaNameOf(first, target);
    if (first.isolation === 'database') {
      await this.tenants.locate(target.id, new Map([[first.id, schema]]));
      await this.placements.createRole(target, lost);
      await this.placements.createDatabase(target, lost);
    }
    await this.placements.createSchema(target, schema, lost);
    const tables = await this.placements.migrate(target, schema, lost);
    const tenantIds = await this.prepare(tenants, { targetId: target.id, schema });
    if (tenantIds.length === 0) return;
    const outcome = { operationId, durationMs: Math.round(performance.now() - startedAt) };
    await this.activation.activate({ tenantIds, targetId: target.id, schema, tables, outcome });
    await this.placements.bringReferenceRows(target, schema, tables, lost);
  }

  /** Gives tenants their seeds, and calls the hooks that they need before they are served. @returns those that can be */
  private async prepare(tenants: readonly PlacedTenant[], place: HookPlace): Promise<string[]> {
    const prepared: string[] = [];
    const { signal } = this.run;
    await runInLanes(tenants, { parallelism: PARALLELISM, signal }, (tenant) =>
      this.attempt([tenant], async () => {
        await this.hooks.prepare(this.run, tenant.id, place);
        prepared.push(tenant.id);
      }),
    );
    signal.throwIfAborted();
    return prepared;
  }

  private async onEachServer(
    isolations: readonly Isolation[],
    work: (tenants: readonly PlacedTenant[]) => Promise<void>,
  ): Promise<void> {
    const servers = groupBy(await this.remaining(isolations), ({ serverId }) => serverId);
    for (const tenants of servers.values()) {
      this.run.signal.throwIfAborted();
      await this.attempt(tenants, () => work(tenants));
      const { done, total } = await this.progress();
      this.run.reportProgress(done, total);
    }
  }

  /** A failure is the outcome of the tenants, unless another instance continues the operation. */
  private async attempt(tenants: readonly PlacedTenant[], work: () => Promise<void>): Promise<void> {
    const startedAt = performance.now();
    try {
      await work();
    } catch (error) {
      this.run.lost.throwIfAborted();
      this.logger.warn(`Provisioning failed (${tenants.length} tenants): ${reasonOf(error)}`);
      const durationMs = Math.round(performance.now() - startedAt);
      const outcome = { operationId: this.run.id, durationMs, failure: failureOf(error) };
      await this.activation.fail(
        tenants.map(({ id }) => id),
        outcome,
      );
    }
  }

  private async remaining(isolations: readonly Isolation[]): Promise<PlacedTenant[]> {
    const { servers } = this.run.input;
    const serverOf = new Map(servers.flatMap(({ serverId, tenantIds }) => tenantIds.map((id) => [id, serverId])));
    const tenants = await this.tenants.remaining([...serverOf.keys()], isolations);
    return tenants.map((tenant) => ({ ...tenant, serverId: serverOf.get(tenant.id) ?? '' }));
  }

  private targetOf(tenant: PlacedTenant): Promise<ConnectionTargetEntity> {
    const { serverId, isolation } = tenant;
    if (isolation === 'database') return this.placements.ensureTarget(serverId, tenant);
    const known = this.sharedTargets.get(serverId) ?? this.placements.ensureTarget(serverId, tenant);
    this.sharedTargets.set(serverId, known);
    return known;
  }

  private async progress(): Promise<{ done: number; total: number }> {
    const { provisioned, failed } = await this.tenants.count(this.run.id);
    const total = this.run.input.servers.reduce((sum, { tenantIds }) => sum + tenantIds.length, 0);
    return { done: provisioned + failed, total };
  }

  private async finish(): Promise<void> {
    const { provisioned, failed } = await this.tenants.count(this.run.id);
    await this.run.addResult({ provisioned, failed });
    if (failed > 0) throw new ProvisioningIncompleteError(provisioned, failed);
  }
}

function portionsOf(tenants: readonly PlacedTenant[]): Portion[] {
  const withDatabase = tenants.filter(({ isolation }) => isolation === 'database').map((tenant) => [tenant]);
  const withSchema = tenants.filter(({ isolation }) => isolation === 'schema');
  const perServer = [...groupBy(withSchema, ({ serverId }) => serverId).values()];
  const schemas = perServer.flatMap((all) => {
    const size = Math.min(SCHEMAS_PER_CONNECTION, Math.ceil(all.length / PARALLELISM));
    return Array.from({ length: Math.ceil(all.length / size) }, (_, n) => all.slice(n * size, (n + 1) * size));
  });
  return [...schemas, ...withDatabase].map((some) => ({ serverId: some[0]!.serverId, tenants: some }));
}

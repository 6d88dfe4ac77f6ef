import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import { groupBy } from '../../platform/group-by.js';
import { runInLanes } from '../../operations/run-in-lanes.js';
import { Activation } from '../provisioning/activation.js';
import { BatchTenants } from '../provisioning/batch-tenants.js';
import { schemaNameOf } from '../provisioning/names.js';
import { Placements } from '../provisioning/placements.js';
import { SpareTenants, type UnfinishedSpare } from './spare-tenants.js';

const Input = z.object({});
type Run = OperationRun<z.infer<typeof Input>>;

/** Subject of all operations of this kind, so that only one of them can be in progress. */
export const SPARE_TENANTS = 'spare tenants';

/** Tenants in work at the same time on each server: sign-ups that find none need admin connections, too. */
const PARALLELISM = 2;

/** Provisions tenants ahead, up to what `SPARE_TENANTS` asks for. What is left to do is read from the catalog. */
@Injectable()
export class FillSparesKind implements OperationKind<z.infer<typeof Input>> {
  readonly name = 'fill-spares';
  readonly input = Input;
  readonly steps = [
    { name: 'add', run: () => this.spares.addMissing() },
    { name: 'provision', run: (run: Run) => this.provisionAll(run) },
  ];

  constructor(
    private readonly spares: SpareTenants,
    private readonly tenants: BatchTenants,
    private readonly placements: Placements,
    private readonly activation: Activation,
  ) {}

  private async provisionAll(run: Run): Promise<void> {
    const unfinished = await this.spares.unfinished();
    let done = 0;
    const provisionOn = (tenants: readonly UnfinishedSpare[]): Promise<void> =>
      runInLanes(tenants, { parallelism: PARALLELISM, signal: run.signal }, async (tenant) => {
        await this.provision(tenant, run.lost);
        run.reportProgress((done += 1), unfinished.length);
      });
    // Each server by itself: one that is away leaves the others their supply.
    const servers = groupBy(unfinished, ({ serverId }) => serverId);
    const outcomes = await Promise.allSettled([...servers.values()].map(provisionOn));
    run.signal.throwIfAborted();
    await run.addResult({ provisioned: done });
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  }

  private async provision(tenant: UnfinishedSpare, signal: AbortSignal): Promise<void> {
    const { id, serverId } = tenant;
    const target = await this.placements.ensureTarget(serverId, tenant);
    const schema = schemaNameOf(tenant, target);
    await this.tenants.locate(target.id, new Map([[id, schema]]));
    await this.placements.createRole(target, signal);
    await this.placements.createDatabase(target, signal);
    await this.placements.createSchema(target, schema, signal);
    const tables = await this.placements.migrate(target, schema, signal);
    await this.activation.activate({ tenantIds: [id], targetId: target.id, schema, tables, isSpare: true });
    await this.placements.bringReferenceRows(target, schema, tables, signal);
  }
}

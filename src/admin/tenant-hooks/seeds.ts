import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { runTraceableTransaction } from '../../database/data-source/limited-transaction.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { type CallingOperation, HookCalls, type HookOutcome } from './hook-calls.js';
import { HookHost, SEED } from './hook-host.js';
import { HookRecords } from './hook-records.js';
import { type HookPlace, OperationScopes } from './operation-scopes.js';
import { SeedOutcomeUnknownError } from './tenant-hooks.errors.js';

const TIMEOUT_MS = 10 * 60_000;
/** A dead process's transaction goes on until the server notices that its connection is gone. */
const IN_PROGRESS_MS = 30_000;
const POLL_MS = 250;

/**
 * Gives new tenants their first rows, once: the id of the transaction is recorded before it commits, and an attempt after a
 * crash asks the server what became of it.
 */
@Injectable()
export class Seeds {
  constructor(
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly host: HookHost,
    private readonly calls: HookCalls,
    private readonly records: HookRecords,
    private readonly scopes: OperationScopes,
    private readonly targets: TargetDatabases,
  ) {}

  get any(): boolean {
    return this.schema.seed !== undefined;
  }

  /** One attempt. @throws as `HookCalls.attempt` does */
  attempt(operation: CallingOperation, tenantId: string, place?: HookPlace): Promise<HookOutcome> {
    const key = { operationId: operation.id, tenantId, event: 'provisioned', hook: SEED };
    const { delays, signal } = operation;
    return this.calls.record({ key, timeoutMs: TIMEOUT_MS, delays }, signal, async (call, transactionId) => {
      const tenant = await this.scopes.find(tenantId, place);
      const scope = tenant && (await this.scopes.open(tenant));
      if (!scope) return; // deleted meanwhile
      const { targetId } = scope.tenant;
      if (transactionId !== null && (await this.isCommitted(transactionId, targetId ?? '', call.signal))) return;
      const { dataSource } = scope;
      const announce = (id: string): Promise<void> => this.records.saveTransaction(key, call.attempt, id);
      const run = (): Promise<void> =>
        runTraceableTransaction(dataSource, announce, async (manager) => this.schema.seed?.(manager, scope.tenant));
      await (this.host.context?.run(scope, run) ?? run());
    });
  }

  /** @throws SeedOutcomeUnknownError */
  private async isCommitted(transactionId: string, targetId: string, signal: AbortSignal): Promise<boolean> {
    const target = await this.targets.find(targetId);
    const startedAt = performance.now();
    for (;;) {
      const status = await this.targets.use(target, async (client) => {
        const { rows } = await client.query<{ status: string | null }>('SELECT pg_xact_status($1::xid8) AS status', [
          transactionId,
        ]);
        return rows[0]?.status;
      });
      if (status === 'committed' || status === 'aborted') return status === 'committed';
      if (status !== 'in progress' || performance.now() - startedAt > IN_PROGRESS_MS) {
        throw new SeedOutcomeUnknownError(transactionId);
      }
      await delay(POLL_MS, undefined, { signal });
    }
  }
}

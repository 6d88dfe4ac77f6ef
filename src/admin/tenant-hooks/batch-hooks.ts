import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { runInLanes } from '../../operations/run-in-lanes.js';
import { type CallingOperation, HookCalls, type HookOutcome } from './hook-calls.js';
import { HookHost, SEED } from './hook-host.js';
import type { HookPlace } from './operation-scopes.js';
import { Seeds } from './seeds.js';
import type { TenantEvent } from './tenant-hooks.js';
import { HookFailedError, HooksFailedError } from './tenant-hooks.errors.js';

/** Shorter than those of an operation on one tenant, because others wait for their turn. */
const DELAYS_S: readonly number[] = [0.2, 1];
/** Tenants whose hooks run at the same time. */
const PARALLELISM = 4;
const PAGE_SIZE = 500;

type Operation = Pick<CallingOperation, 'id' | 'signal'>;

/** Tenants of customers that the operation has finished, and that lack the result of one of the hooks $3. */
const PENDING = `
  SELECT r.tenant_id AS id FROM operation_tenants r
  JOIN tenants t ON t.id = r.tenant_id AND t.spare_server_id IS NULL
  WHERE r.operation_id = $1 AND r.status = 'succeeded' AND EXISTS (
    SELECT FROM unnest($3::text[]) AS wanted (hook)
    WHERE NOT EXISTS (SELECT FROM operation_hooks h WHERE h.operation_id = $1 AND h.tenant_id = r.tenant_id
      AND h.event = $2 AND h.hook = wanted.hook AND h.status IN ('succeeded', 'failed')))
  ORDER BY r.tenant_id LIMIT ${PAGE_SIZE}`;

const FAILED = `
  SELECT count(*)::int AS failed FROM operation_hooks
  WHERE operation_id = $1 AND event = $2 AND hook = ANY ($3) AND status = 'failed'`;

/** Hooks in operations over many tenants. */
@Injectable()
export class BatchHooks {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly host: HookHost,
    private readonly calls: HookCalls,
    private readonly seeds: Seeds,
  ) {}

  /**
   * Seeds a new tenant and calls the hooks without which it is not served.
   *
   * @throws HookFailedError when one has failed for the last time; the signal's reason
   */
  async prepare(operation: Operation, tenantId: string, place: HookPlace): Promise<void> {
    const calling = { ...operation, delays: DELAYS_S };
    if (this.seeds.any) {
      const outcome = await untilEnded(operation.signal, () => this.seeds.attempt(calling, tenantId, place));
      if (outcome.status === 'failed') throw new HookFailedError(SEED, 'provisioned', outcome.failure.message);
    }
    await this.call(operation, tenantId, 'provisioned', { required: true }, place);
  }

  /**
   * Calls the hooks of an event that are left for the tenants which the operation has finished. Their failures are recorded.
   *
   * @throws the signal's reason, or an error of the catalog
   */
  async callPending(
    operation: Operation,
    event: TenantEvent,
    which: { readonly required?: boolean } = {},
  ): Promise<void> {
    const names = this.host.of(event, which).map(({ name }) => name);
    if (names.length === 0) return;
    const { signal } = operation;
    for (;;) {
      const tenants = await this.catalog.query<{ id: string }[]>(PENDING, [operation.id, event, names]);
      if (tenants.length === 0) return;
      const units = tenants.map(({ id }) => ({ id, serverId: '' }));
      await runInLanes(units, { parallelism: PARALLELISM, signal }, ({ id }) =>
        this.callAll(operation, id, event, which),
      );
      signal.throwIfAborted();
    }
  }

  /** @throws HooksFailedError when required hooks of the event have failed */
  async assertRequired(operationId: string, event: TenantEvent): Promise<void> {
    const names = this.host.of(event, { required: true }).map(({ name }) => name);
    if (names.length === 0) return;
    const [{ failed }] = await this.catalog.query<[{ failed: number }]>(FAILED, [operationId, event, names]);
    if (failed > 0) throw new HooksFailedError(failed);
  }

  private async callAll(operation: Operation, tenantId: string, event: TenantEvent, which: object): Promise<void> {
    try {
      await this.call(operation, tenantId, event, which);
    } catch (error) {
      if (!(error instanceof HookFailedError)) throw error; // which is recorded
    }
  }

  /** All of them, also after one has failed. @throws HookFailedError for the first required one that failed */
  private async call(
    { id, signal }: Operation,
    tenantId: string,
    event: TenantEvent,
    which: { readonly required?: boolean },
    place?: HookPlace,
  ): Promise<void> {
    const operation = { id, signal, delays: DELAYS_S };
    let failed: HookFailedError | undefined;
    for (const hook of this.host.of(event, which)) {
      const attempt = (): Promise<HookOutcome> => this.calls.attempt(operation, tenantId, event, hook, place);
      const outcome = await untilEnded(signal, attempt);
      if (outcome.status === 'succeeded' || !hook.required) continue;
      failed ??= new HookFailedError(hook.name, event, outcome.failure.message);
    }
    if (failed) throw failed;
  }
}

type Ended = Exclude<HookOutcome, { readonly status: 'retrying' }>;

/** Attempts are limited by the delays between them. */
async function untilEnded(signal: AbortSignal, attempt: () => Promise<HookOutcome>): Promise<Ended> {
  for (;;) {
    const outcome = await attempt();
    if (outcome.status !== 'retrying') return outcome;
    await delay(outcome.delaySeconds * 1_000, undefined, { signal });
  }
}

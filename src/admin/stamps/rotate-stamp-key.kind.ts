import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type pg from 'pg';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ConnectionTargetEntity, stampKeyContext } from '../../catalog/entities/connection-target.entity.js';
import { installKey, removeOtherKeys } from '../../database/isolation/installed-keys.js';
import { newStampKey, type StampKey } from '../../database/isolation/stamp-key.js';
import { KeyRing } from '../../platform/encryption/key-ring.js';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import { countOlderTransactions } from '../credentials/role-sessions.js';
import { DatabaseIsolation } from '../isolation/database-isolation.js';
import { assertMayJoin } from '../provisioning/login-role.js';
import { TargetDatabases } from '../targets/target-databases.js';

const Input = z.object({ targetId: z.guid(), graceSeconds: z.int().min(0) });
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

const POLL_MS = 500;

/**
 * Replaces the key with which a target's stamps are signed. The database accepts both keys while instances change over;
 * the former one is removed when nothing can be stamped with it any more.
 */
@Injectable()
export class RotateStampKeyKind implements OperationKind<Input> {
  readonly name = 'rotate-stamp-key';
  readonly input = Input;
  readonly steps = [
    { name: 'choose-successor', run: (run: Run) => this.chooseSuccessor(run) },
    { name: 'install-successor', run: (run: Run) => this.installSuccessor(run) },
    { name: 'switch', run: (run: Run) => this.switchOver(run) },
    { name: 'drain', run: (run: Run) => this.drain(run) },
    { name: 'remove-former', run: (run: Run) => this.removeFormer(run) },
  ];

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly targets: TargetDatabases,
    private readonly isolation: DatabaseIsolation,
    private readonly keyRing: KeyRing,
  ) {}

  private async chooseSuccessor({ id, state, saveState }: Run): Promise<void> {
    if (state['successorSealed'] !== undefined) return; // saved by a run that crashed before it was recorded as finished
    await saveState({ successorSealed: this.keyRing.encrypt(newStampKey(), successorContext(id)) });
  }

  /** Before anything changes: the last steps have to see the sessions of the login role. @throws MissingMembershipError */
  private async installSuccessor(run: Run): Promise<void> {
    const target = await this.targets.find(run.input.targetId);
    await this.targets.use(
      target,
      async (client) => {
        await assertMayJoin(client, target.role);
        await this.isolation.prepare(client, target);
        await installKey(client, this.successor(run));
      },
      run,
    );
  }

  private async switchOver(run: Run): Promise<void> {
    const { targetId: id } = run.input;
    const stampKeySealed = this.keyRing.encrypt(this.successor(run), stampKeyContext(id));
    await this.catalog.getRepository(ConnectionTargetEntity).update({ id }, { stampKeySealed });
  }

  /** Instances hear of the new key at once; the grace is for one that has to find out by itself, and for sessions. */
  private async drain(run: Run): Promise<void> {
    const target = await this.targets.find(run.input.targetId);
    const graceMs = run.input.graceSeconds * 1000;
    const startedAt = performance.now();
    for (let waited = 0; waited < graceMs; waited = performance.now() - startedAt) {
      run.reportProgress(Math.floor(waited / 1000), run.input.graceSeconds);
      await delay(Math.min(POLL_MS, graceMs - waited), undefined, { signal: run.signal });
    }
    const switched = await this.targets.use(target, serverTime, run);
    const countRemaining = (client: pg.Client): Promise<number> =>
      countOlderTransactions(client, target.role, switched);
    while ((await this.targets.use(target, countRemaining, run)) > 0) {
      await delay(POLL_MS, undefined, { signal: run.signal });
    }
  }

  private async removeFormer(run: Run): Promise<void> {
    const target = await this.targets.find(run.input.targetId);
    await this.targets.use(target, (client) => removeOtherKeys(client, this.successor(run)), run);
    await run.addResult({ database: target.database });
  }

  private successor({ id, state }: Run): StampKey {
    const { successorSealed } = state;
    if (successorSealed === undefined) throw new Error('the new key is missing from the saved state of the operation');
    return this.keyRing.decrypt(successorSealed, successorContext(id));
  }
}

async function serverTime(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ now: string }>('SELECT clock_timestamp()::text AS now');
  if (!rows[0]) throw new Error('the server did not say what time it is');
  return rows[0].now;
}

function successorContext(operationId: string): string {
  return `operations:${operationId}:successor_stamp_key`;
}

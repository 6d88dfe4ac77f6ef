import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ConnectionTargetEntity, targetPasswordContext } from '../../catalog/entities/connection-target.entity.js';
import { TRUSTED_FUNCTIONS } from '../../database/connection/exposing-objects.js';
import { KeyRing } from '../../platform/encryption/key-ring.js';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { createNewRole } from './create-new-role.js';
import { dropOldRole } from './drop-old-role.js';
import { terminateSessions, countSessions } from './role-sessions.js';
import { rotatedRoleName } from '../provisioning/names.js';

const Input = z.object({ targetId: z.guid() });
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

/** Time without sessions of the old role after which no instance will open another one. */
const QUIET_MS = 3_000;
const POLL_MS = 250;
/** Sessions still open after this are terminated: an instance misses notifications, or a pooler keeps them open. */
const DRAIN_TIMEOUT_MS = 5 * 60_000;

/** The two login roles of a target during a rotation. The old one is dropped once it has no sessions. */
interface Rotation {
  readonly target: ConnectionTargetEntity;
  readonly oldRole: { readonly targetId: string; readonly role: string; readonly database: string };
  readonly newRole: { readonly role: string; readonly password: string };
}

/**
 * Replaces the login role and password of a connection target. A role has only one password, so having two valid
 * credentials during the rotation takes two roles: create the new role, switch to it, wait until the old one has no
 * sessions, and drop it.
 */
@Injectable()
export class RotateKind implements OperationKind<Input> {
  readonly name = 'rotate-credentials';
  readonly input = Input;
  readonly steps = [
    { name: 'choose-successor', run: (run: Run) => this.chooseNewRole(run) },
    { name: 'create-successor', run: (run: Run) => this.createNewRole(run) },
    { name: 'switch', run: (run: Run) => this.switchOver(run) },
    { name: 'drain', run: (run: Run) => this.drain(run) },
    { name: 'retire-former', run: (run: Run) => this.dropOldRole(run) },
  ];

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly targets: TargetDatabases,
    private readonly keyRing: KeyRing,
    @Inject(TRUSTED_FUNCTIONS) private readonly trustedFunctions: readonly string[],
  ) {}

  private async chooseNewRole({ id, input, state, saveState }: Run): Promise<void> {
    if (state['successor'] !== undefined) return; // saved by a run that crashed before it was recorded as finished
    const { role, database } = await this.targets.find(input.targetId);
    const password = randomBytes(24).toString('base64url');
    await saveState({
      former: role,
      successor: rotatedRoleName(database, id),
      passwordSealed: this.keyRing.encrypt(password, passwordContext(id)),
    });
  }

  private async createNewRole(run: Run): Promise<void> {
    const { target, oldRole, newRole } = await this.rotation(run);
    if (target.role !== oldRole.role) return; // already switched, before a crash
    await this.targets.use(target, (client) => createNewRole(client, oldRole, newRole, this.trustedFunctions), run);
  }

  private async switchOver(run: Run): Promise<void> {
    const { target, oldRole, newRole } = await this.rotation(run);
    const passwordSealed = this.keyRing.encrypt(newRole.password, targetPasswordContext(target.id));
    await this.catalog
      .getRepository(ConnectionTargetEntity)
      .update({ id: target.id, role: oldRole.role }, { role: newRole.role, passwordSealed });
  }

  private async drain(run: Run): Promise<void> {
    const { target, oldRole, newRole } = await this.rotation(run);
    // Again: a migration may have granted privileges on new tables to the old role in the meantime.
    await this.targets.use(target, (client) => createNewRole(client, oldRole, newRole, this.trustedFunctions), run);
    const startedAt = performance.now();
    for (let quietSince = startedAt; performance.now() - quietSince < QUIET_MS;) {
      const sessions = await this.targets.use(target, (client) => countSessions(client, oldRole.role), run);
      if (sessions > 0) quietSince = performance.now();
      if (performance.now() - startedAt > DRAIN_TIMEOUT_MS) {
        await this.targets.use(target, (client) => terminateSessions(client, oldRole.role), run);
      }
      await delay(POLL_MS, undefined, { signal: run.signal });
    }
  }

  private async dropOldRole(run: Run): Promise<void> {
    const { target, oldRole, newRole } = await this.rotation(run);
    await this.targets.use(target, (client) => dropOldRole(client, oldRole), run);
    await run.addResult({ role: newRole.role });
  }

  private async rotation({ id, input, state }: Run): Promise<Rotation> {
    const { former, successor, passwordSealed } = state;
    if (former === undefined || successor === undefined || passwordSealed === undefined) {
      throw new Error('the new login role is missing from the saved state of the operation');
    }
    const target = await this.targets.find(input.targetId);
    return {
      target,
      oldRole: { targetId: target.id, role: former, database: target.database },
      newRole: { role: successor, password: this.keyRing.decrypt(passwordSealed, passwordContext(id)) },
    };
  }
}

function passwordContext(operationId: string): string {
  return `operations:${operationId}:successor_password`;
}

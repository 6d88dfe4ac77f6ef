import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type pg from 'pg';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ConnectionTargetEntity, targetPasswordContext } from '../../catalog/entities/connection-target.entity.js';
import { ServerOwner } from '../../catalog/server-owner.js';
import { AdminConnections } from '../../database/admin-connections/admin-connections.js';
import { KeyRing } from '../../platform/encryption/key-ring.js';
import type { OperationKind, OperationRun } from '../../operations/operation-kind.js';
import { prepareSuccessor } from './create-new-role.js';
import { retireRole } from './drop-old-role.js';
import { endSessionsOf, sessionsOf } from './role-sessions.js';
import { rotatedRoleName } from './rotated-role-name.js';

const Input = z.object({ targetId: z.guid() });
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

/** The former role has had no session for so long: no instance is about to open one more. */
const QUIET_MS = 3_000;
const LOOK_MS = 250;
/** Sessions that are left by then are ended: of an instance that hears nothing, of a pooler that keeps them open. */
const PATIENCE_MS = 5 * 60_000;

/** Two login roles of one target; the former one goes when nobody uses it any more. */
interface Rotation {
  readonly target: ConnectionTargetEntity;
  readonly former: { readonly targetId: string; readonly role: string; readonly database: string };
  readonly successor: { readonly role: string; readonly password: string };
}

/**
 * Gives a connection target a new login role with a new password. A role has one password, so for the time in which both
 * credentials are good there are two roles: made, switched to, drained of the former, and that one dropped.
 */
@Injectable()
export class RotateKind implements OperationKind<Input> {
  readonly name = 'rotate-credentials';
  readonly input = Input;
  readonly steps = [
    { name: 'choose-successor', run: (run: Run) => this.chooseSuccessor(run) },
    { name: 'create-successor', run: (run: Run) => this.createSuccessor(run) },
    { name: 'switch', run: (run: Run) => this.switchOver(run) },
    { name: 'drain', run: (run: Run) => this.drain(run) },
    { name: 'retire-former', run: (run: Run) => this.retireFormer(run) },
  ];

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly owner: ServerOwner,
    private readonly owners: AdminConnections,
    private readonly keyRing: KeyRing,
  ) {}

  private async chooseSuccessor({ id, input, state, saveState: keep }: Run): Promise<void> {
    if (state['successor'] !== undefined) return; // kept, and not recorded as done
    const { role, database } = await this.target(input.targetId);
    const password = randomBytes(24).toString('base64url');
    await keep({
      former: role,
      successor: rotatedRoleName(database, id),
      passwordSealed: this.keyRing.encrypt(password, passwordPlace(id)),
    });
  }

  private async createSuccessor(run: Run): Promise<void> {
    const { target, former, successor } = await this.rotation(run);
    if (target.role !== former.role) return; // switched before a crash
    await this.asOwner(target, run.signal, (client) => prepareSuccessor(client, former, successor));
  }

  private async switchOver(run: Run): Promise<void> {
    const { target, former, successor } = await this.rotation(run);
    const passwordSealed = this.keyRing.encrypt(successor.password, targetPasswordContext(target.id));
    await this.catalog
      .getRepository(ConnectionTargetEntity)
      .update({ id: target.id, role: former.role }, { role: successor.role, passwordSealed });
  }

  private async drain(run: Run): Promise<void> {
    const { target, former, successor } = await this.rotation(run);
    // Once more: what a migration made meanwhile was granted to the former role.
    await this.asOwner(target, run.signal, (client) => prepareSuccessor(client, former, successor));
    const began = performance.now();
    for (let quietSince = began; performance.now() - quietSince < QUIET_MS;) {
      const sessions = await this.asOwner(target, run.signal, (client) => sessionsOf(client, former.role));
      if (sessions > 0) quietSince = performance.now();
      if (performance.now() - began > PATIENCE_MS) {
        await this.asOwner(target, run.signal, (client) => endSessionsOf(client, former.role));
      }
      await delay(LOOK_MS, undefined, { signal: run.signal });
    }
  }

  private async retireFormer(run: Run): Promise<void> {
    const { target, former, successor } = await this.rotation(run);
    await this.asOwner(target, run.signal, (client) => retireRole(client, former));
    await run.addResult({ role: successor.role });
  }

  private async rotation({ id, input, state }: Run): Promise<Rotation> {
    const { former, successor, passwordSealed } = state;
    if (former === undefined || successor === undefined || passwordSealed === undefined) {
      throw new Error('the successor of the login role was not recorded');
    }
    const target = await this.target(input.targetId);
    return {
      target,
      former: { targetId: target.id, role: former, database: target.database },
      successor: { role: successor, password: this.keyRing.decrypt(passwordSealed, passwordPlace(id)) },
    };
  }

  private target(id: string): Promise<ConnectionTargetEntity> {
    return this.catalog
      .getRepository(ConnectionTargetEntity)
      .findOneOrFail({ where: { id }, relations: { server: true } });
  }

  private asOwner<T>(
    { server, database }: ConnectionTargetEntity,
    signal: AbortSignal,
    work: (client: pg.Client) => Promise<T>,
  ): Promise<T> {
    return this.owners.use(this.owner.of(server, database), work, { signal });
  }
}

function passwordPlace(operationId: string): string {
  return `operations:${operationId}:successor_password`;
}

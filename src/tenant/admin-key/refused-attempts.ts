import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { AttemptWindows } from './attempt-windows.js';

/** The origin of an attempt. */
export interface AttemptOrigin {
  readonly address: string;
  readonly requestId: string;
}

/** Addresses with entries of their own per minute. */
const MAX_ADDRESSES = 100;
const OTHERS = 'other addresses';

/**
 * Writes refused attempts to use the admin key to the audit log: one entry per address and minute, and one at once when they
 * become a series.
 */
@Injectable()
export class RefusedAttempts {
  private readonly logger = new Logger('AdminKey');
  private readonly windows = new AttemptWindows<AttemptOrigin>(
    MAX_ADDRESSES,
    ({ address, requestId }, times, isOthers) => this.write({ address: isOthers ? OTHERS : address, requestId }, times),
  );

  constructor(
    @Inject(CATALOG) private readonly catalog: Pick<DataSource, 'manager'>,
    private readonly audit: AuditLog,
    shutdown: Shutdown = new Shutdown(),
  ) {
    shutdown.add('write refused attempts', () => this.writeAll());
  }

  /** @param isSeries whether to write an entry before the minute is over, once */
  record({ address, requestId }: AttemptOrigin, isSeries: boolean): void {
    this.windows.record(address, { address, requestId }, isSeries);
  }

  /** Writes what is not in the audit log yet. */
  async writeAll(): Promise<void> {
    await this.windows.writeAll();
  }

  private async write({ address, requestId }: AttemptOrigin, refusedAttempts: number): Promise<void> {
    this.logger.warn(`refused ${refusedAttempts} attempt(s) to use the admin key from ${address}`);
    try {
      await this.audit.record(this.catalog.manager, {
        actor: { name: 'unidentified', address, requestId },
        action: 'admin-key.refused',
        subjectKind: 'admin-key',
        subjectId: 'admin-key',
        subject: 'admin key',
        refusedAttempts,
      });
    } catch (error) {
      this.logger.warn(`the refused attempts are not in the audit log: ${String(error)}`);
    }
  }
}

import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';

/** The origin of an attempt. */
export interface AttemptOrigin {
  readonly address: string;
  readonly requestId: string;
}

/** Attempts of one address within a minute. */
interface Window {
  readonly timer: NodeJS.Timeout;
  /** Attempts that are not in the audit log yet. */
  pending: number;
  requestId: string;
  /** Whether an entry was written before the end of the minute. */
  isReported: boolean;
}

const WINDOW_MS = 60_000;
/** Addresses with entries of their own per window; the attempts of further ones are counted together. */
const MAX_ADDRESSES = 100;
const OTHERS = 'other addresses';

/**
 * Writes refused attempts to use the admin key to the audit log, so that it cannot be flooded: one entry per address and
 * minute, and one at once when they become a series.
 */
@Injectable()
export class RefusedAttempts {
  private readonly logger = new Logger('AdminKey');
  private readonly windows = new Map<string, Window>();

  constructor(
    @Inject(CATALOG) private readonly catalog: Pick<DataSource, 'manager'>,
    private readonly audit: AuditLog,
    shutdown: Shutdown = new Shutdown(),
  ) {
    shutdown.add('write refused attempts', () => this.writeAll());
  }

  /** @param isSeries whether to write an entry before the minute is over, once */
  record({ address, requestId }: AttemptOrigin, isSeries: boolean): void {
    const name = this.windows.has(address) || this.windows.size < MAX_ADDRESSES ? address : OTHERS;
    const window = this.windows.get(name) ?? this.open(name);
    window.pending += 1;
    window.requestId = requestId;
    if (!isSeries || window.isReported) return;
    window.isReported = true;
    void this.write(name, window);
  }

  /** Writes what is not in the audit log yet. */
  async writeAll(): Promise<void> {
    await Promise.all([...this.windows.keys()].map((address) => this.close(address)));
  }

  private open(address: string): Window {
    const timer = setTimeout(() => void this.close(address), WINDOW_MS).unref();
    const window = { timer, pending: 0, requestId: '', isReported: false };
    this.windows.set(address, window);
    return window;
  }

  private async close(address: string): Promise<void> {
    const window = this.windows.get(address);
    if (!window) return;
    this.windows.delete(address);
    clearTimeout(window.timer);
    if (window.pending > 0) await this.write(address, window);
  }

  private async write(address: string, window: Window): Promise<void> {
    const { requestId, pending: refusedAttempts } = window;
    window.pending = 0;
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

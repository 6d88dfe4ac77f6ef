import type pg from 'pg';
import type { Statement } from '../statements/statement.js';
import type { TenantAccess } from '../statements/tenant-access.js';
import { BatchRolledBackError, BatchSentError, InvalidBatchError } from './batch.errors.js';
import { type BatchStatement, sendBatch } from './send-batch.js';

/** The statements of a batch, from the first one that is collected until all are answered together. */
export class StatementBatch {
  private readonly collected: BatchStatement[] = [];
  private isOver = false;
  private onAdded: (() => void) | undefined;

  constructor(private readonly access: TenantAccess) {}

  /** The error of a statement that is none of its operations'. */
  get refusal(): Error {
    return this.isOver ? new BatchSentError() : new InvalidBatchError('a subscriber has a statement of its own');
  }

  /**
   * @param isOnRows false for a command
   * @throws BatchSentError, InvalidBatchError
   */
  add(statement: Statement, isOnRows: boolean): Promise<pg.QueryResult> {
    if (this.isOver) throw new BatchSentError();
    if (!isOnRows) throw new InvalidBatchError('it runs statements on rows only, and has another command');
    return new Promise((succeed, fail) => {
      this.collected.push({ statement, succeed, fail });
      this.onAdded?.();
    });
  }

  /** Resolves when another statement is added. */
  nextAdded(): Promise<void> {
    return new Promise((resolve) => (this.onAdded = resolve));
  }

  /** Sends what was collected, and gives each statement its result or its error. Never rejects. */
  async send(): Promise<void> {
    this.isOver = true;
    if (this.collected.length === 0) return;
    try {
      await sendBatch(this.access, this.collected);
    } catch (error) {
      this.failAll(error);
    }
  }

  /** Sends nothing: what was collected fails. */
  discard(error: unknown): void {
    this.isOver = true;
    this.failAll(new BatchRolledBackError(error));
  }

  private failAll(error: unknown): void {
    for (const { fail } of this.collected) fail(error);
  }
}

import type { z } from 'zod';
import type { EntityManager } from 'typeorm';
import type { OperationEntity } from '../catalog/entities/operation.entity.js';

/** One kind of operation: the shape of its input and the steps that carry it out. */
export interface OperationKind<Input = unknown> {
  /** Stored in `operations.kind` and visible in the API, for example `provision`. */
  readonly name: string;
  /** Validates the `input` column, which an older version of this application may have written. */
  readonly input: z.ZodType<Input>;
  readonly steps: readonly OperationStep<Input>[];
  /** Names of the application's hooks that its steps call: only an instance that has them runs an operation of the kind. */
  readonly hooks?: readonly string[];
  /** Whether it keeps other operations on its tenant from being created. Default: true. */
  readonly isExclusive?: boolean;
  /** Called before a final failure (one without automatic retry) is recorded. May run more than once. */
  onFailed?(catalog: EntityManager, operation: OperationEntity): Promise<void>;
  /** Called before a cancellation is recorded. May run more than once. */
  onCancelled?(catalog: EntityManager, operation: OperationEntity): Promise<void>;
  /**
   * Called inside the transaction that retries a failed or cancelled operation.
   *
   * @throws ConflictError to reject the retry
   */
  onRetried?(catalog: EntityManager, operation: OperationEntity): Promise<void>;
}

/**
 * One part of an operation. It must be idempotent: it runs again after a crash in the middle of it, and after a crash
 * between its completion and the record of that.
 */
export interface OperationStep<Input> {
  /** Unique within its kind, for example `create-role`. */
  readonly name: string;
  run(run: OperationRun<Input>): Promise<void>;
}

/** The context of a running step. */
export interface OperationRun<Input> {
  readonly id: string;
  readonly tenantId: string | null;
  readonly input: Input;
  readonly createdAt: Date;
  /** Aborted when the operation is cancelled, when this process shuts down, and when the lock is lost. */
  readonly signal: AbortSignal;
  /** Like `signal`, but not aborted by a cancellation: for work that a cancellation lets finish. */
  readonly lost: AbortSignal;
  /** Values saved by this step and by earlier ones. */
  readonly state: Readonly<Record<string, string>>;
  /**
   * Saves values for later runs and steps. Call it before creating anything that depends on them. Secrets must be
   * encrypted.
   */
  saveState(values: Readonly<Record<string, string>>): Promise<void>;
  /** Progress within the step; recorded with the next heartbeat. */
  reportProgress(done: number, total: number): void;
  /** Merges fields into the operation's result, which the API shows. */
  addResult(result: Readonly<Record<string, unknown>>): Promise<void>;
}

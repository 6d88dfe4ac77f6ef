import type { z } from 'zod';
import type { EntityManager } from 'typeorm';
import type { OperationEntity } from '../catalog/entities/operation.entity.js';

/** One kind of operation: what it is asked with, and what it does, step by step. */
export interface OperationKind<Input = unknown> {
  /** `provision` */
  readonly name: string;
  /** The shape of `input` in its row: it may have been written by an older version of this application. */
  readonly input: z.ZodType<Input>;
  readonly steps: readonly OperationStep<Input>[];
  /** Told before the failure is recorded, when nobody will try again by itself; perhaps twice. */
  onFailed?(catalog: EntityManager, operation: OperationEntity): Promise<void>;
  /** Told before it is recorded that it was cancelled; perhaps twice. */
  onCancelled?(catalog: EntityManager, operation: OperationEntity): Promise<void>;
  /** Told inside the transaction that lets a failed or cancelled one run again. @throws ConflictError to refuse it */
  onRetried?(catalog: EntityManager, operation: OperationEntity): Promise<void>;
}

/** Part of an operation that may be run again: after a crash in its middle, or after it was done and not recorded. */
export interface OperationStep<Input> {
  /** `create-role`; unique within its kind. */
  readonly name: string;
  run(run: OperationRun<Input>): Promise<void>;
}

/** What a step is given. */
export interface OperationRun<Input> {
  readonly id: string;
  readonly tenantId: string | null;
  readonly input: Input;
  readonly createdAt: Date;
  /** Aborted when the operation is cancelled, given up because this process ends, or lost to another instance. */
  readonly signal: AbortSignal;
  /** The same without the cancelling: for what is finished when it is cancelled, and stopped at once otherwise. */
  readonly lost: AbortSignal;
  /** What this step and those before it have kept. */
  readonly state: Readonly<Record<string, string>>;
  /** Keeps values for later runs and steps, before anything is made that depends on them. Secrets only sealed. */
  saveState(values: Readonly<Record<string, string>>): Promise<void>;
  /** How far the step is; recorded with the next heartbeat. */
  reportProgress(done: number, total: number): void;
  /** What the operation has found or made, for whoever asked for it; added to what was told before. */
  addResult(result: Readonly<Record<string, unknown>>): Promise<void>;
}

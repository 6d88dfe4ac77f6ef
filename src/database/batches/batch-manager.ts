import type {
  DeleteResult,
  EntityManager,
  EntityTarget,
  InsertResult,
  ObjectLiteral,
  Repository,
  UpdateResult,
} from 'typeorm';
import { InvalidBatchError } from './batch.errors.js';

declare const RESULT: unique symbol;

/** One statement of a batch. It is sent by being returned from the batch's function. */
export interface BatchOperation<Result> {
  /** Exists in the type only. */
  readonly [RESULT]?: Result;
}

type Run = (manager: EntityManager) => Promise<unknown>;
type Method = 'insert' | 'upsert' | 'update' | 'delete' | 'softDelete' | 'restore' | 'increment' | 'decrement';
type ParametersOf<Entity extends ObjectLiteral, Name extends Method> = Parameters<Repository<Entity>[Name]>;

/**
 * The operations of TypeORM's `EntityManager` that send one statement each, and need no other one's answer. Those that read
 * before they write (`save`, `remove`) and those that may send several (`find`) are not among them.
 */
export class BatchManager {
  private readonly operations = new Map<BatchOperation<unknown>, Run>();

  /** The generated values, also those of the database, are set on the entities that are given, as without a batch. */
  insert<Entity extends ObjectLiteral>(
    target: EntityTarget<Entity>,
    ...parameters: ParametersOf<Entity, 'insert'>
  ): BatchOperation<InsertResult> {
    return this.add((manager) => manager.insert(target, ...parameters));
  }

  /** As `EntityManager#upsert`. */
  upsert<Entity extends ObjectLiteral>(
    target: EntityTarget<Entity>,
    ...parameters: ParametersOf<Entity, 'upsert'>
  ): BatchOperation<InsertResult> {
    return this.add((manager) => manager.upsert(target, ...parameters));
  }

  /** As `EntityManager#update`. */
  update<Entity extends ObjectLiteral>(
    target: EntityTarget<Entity>,
    ...parameters: ParametersOf<Entity, 'update'>
  ): BatchOperation<UpdateResult> {
    return this.add((manager) => manager.update(target, ...parameters));
  }

  /** As `EntityManager#delete`. */
  delete<Entity extends ObjectLiteral>(
    target: EntityTarget<Entity>,
    ...parameters: ParametersOf<Entity, 'delete'>
  ): BatchOperation<DeleteResult> {
    return this.add((manager) => manager.delete(target, ...parameters));
  }

  /** As `EntityManager#softDelete`. */
  softDelete<Entity extends ObjectLiteral>(
    target: EntityTarget<Entity>,
    ...parameters: ParametersOf<Entity, 'softDelete'>
  ): BatchOperation<UpdateResult> {
    return this.add((manager) => manager.softDelete(target, ...parameters));
  }

  /** As `EntityManager#restore`. */
  restore<Entity extends ObjectLiteral>(
    target: EntityTarget<Entity>,
    ...parameters: ParametersOf<Entity, 'restore'>
  ): BatchOperation<UpdateResult> {
    return this.add((manager) => manager.restore(target, ...parameters));
  }

  /** As `EntityManager#increment`. */
  increment<Entity extends ObjectLiteral>(
    target: EntityTarget<Entity>,
    ...parameters: ParametersOf<Entity, 'increment'>
  ): BatchOperation<UpdateResult> {
    return this.add((manager) => manager.increment(target, ...parameters));
  }

  /** As `EntityManager#decrement`. */
  decrement<Entity extends ObjectLiteral>(
    target: EntityTarget<Entity>,
    ...parameters: ParametersOf<Entity, 'decrement'>
  ): BatchOperation<UpdateResult> {
    return this.add((manager) => manager.decrement(target, ...parameters));
  }

  /** Any single statement on rows, in SQL. @returns what `EntityManager#query` returns for it */
  query<Result = unknown>(text: string, parameters?: unknown[]): BatchOperation<Result> {
    return this.add((manager) => manager.query(text, parameters));
  }

  /**
   * What runs the operations that a batch's function returned, in their order.
   *
   * @internal
   * @throws InvalidBatchError when one is not of this batch, is there twice, or was left out
   */
  runsOf(returned: unknown): Run[] {
    if (!Array.isArray(returned)) throw new InvalidBatchError('its function must return an array of operations');
    const left = new Map(this.operations);
    const runs = returned.map((operation: BatchOperation<unknown>) => {
      const run = left.get(operation);
      if (!run) throw new InvalidBatchError('its array may hold operations of its own manager only, each of them once');
      left.delete(operation);
      return run;
    });
    if (left.size > 0) throw new InvalidBatchError('an operation of its manager is missing in the array');
    return runs;
  }

  private add<Result>(run: Run): BatchOperation<Result> {
    const operation: BatchOperation<Result> = Object.freeze({});
    this.operations.set(operation, run);
    return operation;
  }
}

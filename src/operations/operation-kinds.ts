import { Injectable } from '@nestjs/common';
import type { OperationKind } from './operation-kind.js';
import type { OperationRequest } from './operation-request.js';

/** Registry of operation kinds. The module that provides a kind registers it. */
@Injectable()
export class OperationKinds {
  private readonly kinds = new Map<string, OperationKind>();
  /** The application's hooks, by name, that this instance can call. */
  hookSource: { readonly runnable: readonly string[] } = { runnable: [] };
  private readonly offered: string[] = [];
  private readonly requestable: OperationRequest[] = [];

  register(kind: OperationKind): void {
    this.kinds.set(kind.name, kind);
  }

  /** Registers a kind that operators may request directly. */
  registerRequest(request: OperationRequest): void {
    this.register(request.kind);
    this.requestable.push(request);
  }

  get runnableHooks(): readonly string[] {
    return [...this.hookSource.runnable, ...this.offered];
  }

  /**
   * This instance has something itself that operations require (`NewOperation.requires`), such as a file.
   *
   * @param name with a colon, for example `archive:4f1c…`
   */
  offer(name: string): void {
    this.offered.push(name);
  }

  get names(): readonly string[] {
    return [...this.kinds.keys()];
  }

  /** Names of the kinds that do not keep other operations on their tenant from being created. */
  get notExclusive(): readonly string[] {
    return [...this.kinds.values()].filter(({ isExclusive }) => isExclusive === false).map(({ name }) => name);
  }

  /** The kinds that operators may request directly. */
  get requests(): readonly OperationRequest[] {
    return this.requestable;
  }

  /** Returns `undefined` for a kind that only a newer version of this application knows. */
  find(name: string): OperationKind | undefined {
    return this.kinds.get(name);
  }
}

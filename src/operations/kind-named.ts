import type { OperationKind } from './operation-kind.js';

/** Undefined for a kind that only a newer version of this application knows. */
export function kindNamed(kinds: readonly OperationKind[], name: string): OperationKind | undefined {
  return kinds.find((kind) => kind.name === name);
}

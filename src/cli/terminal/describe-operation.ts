import type { OperationView } from '../../admin/operations/operation.schemas.js';
import { facts } from './table.js';

export function describeOperation(operation: OperationView): string[] {
  const { error, result } = operation;
  return facts([
    ['id', operation.id],
    ['kind', operation.kind],
    ['subject', operation.subject],
    ['status', operation.status],
    ['steps', operation.steps.map(({ name, status }) => `${name} (${status})`).join(', ')],
    ...(error ? [['error', `${error.message} (${error.code})`] as const] : []),
    ...(result ? [['result', JSON.stringify(result)] as const] : []),
    ['by', operation.createdBy],
    ['created', operation.createdAt],
    ['begun', operation.startedAt],
    ['ended', operation.finishedAt],
    ['worked on by', operation.instance],
  ]);
}

/** `3/6` */
export function doneOf({ steps }: OperationView): string {
  return `${steps.filter(({ status }) => status === 'finished').length}/${steps.length}`;
}

/** The step that is under way, or that failed. */
export function stepOf({ steps }: OperationView): string | undefined {
  return steps.find(({ status }) => status === 'running' || status === 'failed')?.name;
}

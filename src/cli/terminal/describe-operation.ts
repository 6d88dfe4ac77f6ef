import type { OperationView } from '../../admin/operations/operation.schemas.js';
import { keyValues } from './table.js';

export function describeOperation(operation: OperationView): string[] {
  const { error, result } = operation;
  return keyValues([
    ['id', operation.id],
    ['kind', operation.kind],
    ['subject', operation.subject],
    ['status', operation.status],
    ['steps', operation.steps.map(({ name, status }) => `${name} (${status})`).join(', ')],
    ...(error ? [['error', `${error.message} (${error.code})`] as const] : []),
    ...(result ? [['result', JSON.stringify(result)] as const] : []),
    ['by', operation.createdBy],
    ['created', operation.createdAt],
    ['started', operation.startedAt],
    ['ended', operation.finishedAt],
    ['worked on by', operation.instance],
  ]);
}

/** Finished steps of all steps: `3/6`. */
export function stepCount({ steps }: OperationView): string {
  return `${steps.filter(({ status }) => status === 'finished').length}/${steps.length}`;
}

/** The name of the step that is running or has failed. */
export function currentStep({ steps }: OperationView): string | undefined {
  return steps.find(({ status }) => status === 'running' || status === 'failed')?.name;
}

import { OperationRecords } from '../../admin/operations/operation-records.js';
import { RequestedOperations } from '../../admin/operations/requested-operations.js';
import type { CommandContext } from './command-context.js';
import { describeOperation } from '../terminal/describe-operation.js';
import { noteRequested, runToCompletion } from './run-to-completion.js';
import { printable } from '../terminal/table.js';

/** Failed tenants listed in the result of a fleet operation. */
const MAX_REPORTED = 20;

/** Requests an operation of a kind that clients may create directly, and runs it to completion unless `wait` is false. */
export async function requestOperation(context: CommandContext, body: object, wait: boolean): Promise<void> {
  const { session, actor } = context;
  const requested = session.get(RequestedOperations);
  const request = requested.validate(body);
  const { id } = await session.catalog.transaction((catalog) => requested.create(catalog, request, actor));
  await completeOperation(context, id, wait);
}

/** Runs an operation to completion unless `wait` is false, and prints it with the tenants that it failed for. */
export async function completeOperation(context: CommandContext, id: string, wait: boolean): Promise<void> {
  const { session, output } = context;
  const records = session.get(OperationRecords);
  const printResult = async (): Promise<void> => {
    const operation = await records.read(id);
    const failed = await records.listTenants(id, { status: 'failed', limit: MAX_REPORTED });
    output.print(operation, () => [
      ...describeOperation(operation),
      ...failed.items.map(({ slug, error }) => `failed: ${slug}: ${printable(error?.message ?? '')}`),
      ...(failed.nextCursor === null ? [] : [`More: operations show ${id} --failed`]),
    ]);
  };
  await runToCompletion(context, id, { wait, printResult });
  if (!wait) noteRequested(context, id);
}

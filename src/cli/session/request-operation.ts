import { OperationRecords } from '../../admin/operations/operation-records.js';
import { RequestedOperations } from '../../admin/operations/requested-operations.js';
import type { CommandContext } from './command-context.js';
import { describeOperation } from '../terminal/describe-operation.js';
import { noteAsked, runToCompletion } from './run-to-completion.js';
import { printable } from '../terminal/table.js';

/** Tenants that an operation over many failed for. */
const MAX_REPORTED = 20;

/** Asks for an operation of a kind that can be asked for directly, and sees it through. */
export async function requestOperation(context: CommandContext, body: object, wait: boolean): Promise<void> {
  const { session, output, actor } = context;
  const requested = session.get(RequestedOperations);
  const request = requested.check(body);
  const { id } = await session.catalog.transaction((catalog) => requested.create(catalog, request, actor));
  const records = session.get(OperationRecords);
  const answer = async (): Promise<void> => {
    const operation = await records.read(id);
    const failed = await records.listTenants(id, { status: 'failed', limit: MAX_REPORTED });
    output.answer(operation, () => [
      ...describeOperation(operation),
      ...failed.items.map(({ slug, error }) => `failed: ${slug}: ${printable(error?.message ?? '')}`),
      ...(failed.nextCursor === null ? [] : [`There are more: operations show ${id} --failed`]),
    ]);
  };
  await runToCompletion(context, id, { wait, answer });
  if (!wait) noteAsked(context, id);
}

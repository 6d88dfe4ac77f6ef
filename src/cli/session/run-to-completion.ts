import { setTimeout as delay } from 'node:timers/promises';
import { hasEnded, type OperationView } from '../../admin/operations/operation.schemas.js';
import { OBJECT_STORE } from '../../admin/archives/archive-sources.js';
import { OperationFailedError } from '../../operations/operation.errors.js';
import { OperationRecords } from '../../admin/operations/operation-records.js';
import { OperationKinds } from '../../operations/operation-kinds.js';
import { OperationRunner } from '../../operations/operation-runner.js';
import type { CommandContext } from './command-context.js';
import { Progress } from '../terminal/progress.js';

export interface RunOptions {
  /** False leaves the operation to a running server or to `operations follow` (see `noteRequested`). */
  readonly wait: boolean;
  /** Prints the command's result. Called when the operation has succeeded or failed, or at once with `wait: false`. */
  readonly printResult: () => Promise<void>;
}

const POLL_MS = 250;

/**
 * Runs an operation until it has ended, or waits for the instance that is already running it. Shows progress on stderr.
 *
 * @throws OperationFailedError when it failed or was cancelled
 */
export async function runToCompletion(
  context: CommandContext,
  id: string,
  { wait, printResult }: RunOptions,
): Promise<void> {
  if (!wait) return printResult();
  const progress = new Progress(context.terminal, context.output.json);
  try {
    await runAndReport(context, id, (operation) => progress.show(operation));
  } catch (error) {
    progress.end();
    if (error instanceof OperationFailedError) await printResult(); // the steps and the result say more than the error
    throw error;
  }
  progress.end();
  await printResult();
}

/** Tells the user how an operation that the command did not wait for gets done. */
export function noteRequested({ output }: CommandContext, id: string): void {
  output.note(`Operation ${id} is queued. A running server will execute it, or run: operations follow ${id}`);
}

/** A command line has no instances of the application's hooks: their operations are run by an instance of the application. */
async function noteHooks({ output, session }: CommandContext, id: string): Promise<void> {
  const { requiredHooks, status } = await session.get(OperationRecords).read(id);
  const { runnableHooks } = session.get(OperationKinds);
  const missing = (requiredHooks ?? []).filter((name) => !runnableHooks.includes(name));
  if (missing.length === 0 || status !== 'pending') return;
  if (missing.includes('archive:backups') || missing.includes(OBJECT_STORE)) {
    output.note('It needs the store, and BACKUP_URL is not set here: a running server that has it runs the operation.');
    return;
  }
  if (missing.some((name) => name.startsWith('archive:'))) {
    output.note('It reads a file that only the command "tenants import" has: run that command again to go on with it.');
    return;
  }
  output.note(
    `It calls hooks of the application (${missing.join(', ')}), so an instance with controlPlane: true must run it. Waiting ` +
      `for one; Ctrl-C stops waiting, and the operation stays queued.`,
  );
}

/** Runs an operation and reports its state now, at every change and at its end. @throws OperationFailedError */
export async function runAndReport(
  context: CommandContext,
  id: string,
  report: (operation: OperationView) => void,
): Promise<void> {
  const { session } = context;
  await noteHooks(context, id);
  const ended = session.get(OperationRunner).runToCompletion(id);
  context.pendingOperationId = id;
  const watching = new AbortController();
  const stopWatching = (): void => watching.abort();
  ended.then(stopWatching, stopWatching);
  let reported = '';
  const reportChange = async (): Promise<OperationView> => {
    const operation = await session.get(OperationRecords).read(id);
    const { heartbeatAt: _heartbeat, ...content } = operation;
    const state = JSON.stringify(content);
    if (state !== reported) report(operation);
    reported = state;
    return operation;
  };
  while (!watching.signal.aborted && !hasEnded(await reportChange())) {
    await delay(POLL_MS, undefined, { signal: watching.signal }).catch(() => undefined); // aborted: the operation has ended
  }
  await Promise.all([ended, reportChange()]);
}

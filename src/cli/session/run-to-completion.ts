import { setTimeout as delay } from 'node:timers/promises';
import { hasEnded, type OperationView } from '../../admin/operations/operation.schemas.js';
import { OperationFailedError } from '../../operations/operation.errors.js';
import { OperationRecords } from '../../admin/operations/operation-records.js';
import { OperationRunner } from '../../operations/operation-runner.js';
import type { CommandContext } from './command-context.js';
import { Progress } from '../terminal/progress.js';

export interface RunOptions {
  /** False: a running server does it, or whoever follows it (`noteAsked`). */
  readonly wait: boolean;
  /** The command's answer: told when the operation has ended, whichever way, or at once without waiting. */
  readonly answer: () => Promise<void>;
}

const LOOK_MS = 250;

/**
 * Works on an operation, or waits while an instance does, until it has ended.
 *
 * @throws OperationFailedError when it ended in anything but success
 */
export async function runToCompletion(
  context: CommandContext,
  id: string,
  { wait, answer }: RunOptions,
): Promise<void> {
  if (!wait) return answer();
  const progress = new Progress(context.terminal, context.output.json);
  try {
    await workOn(context, id, (operation) => progress.show(operation));
  } catch (error) {
    progress.end();
    if (error instanceof OperationFailedError) await answer(); // what became of it says more than that it failed
    throw error;
  }
  progress.end();
  await answer();
}

/** For people who do not wait. */
export function noteAsked({ output }: CommandContext, id: string): void {
  output.note(`Operation ${id} is asked for; a running server does it, or: operations follow ${id}`);
}

/** Tells of the operation as it is, and at every change, until it has ended. @throws OperationFailedError */
export async function workOn(
  context: CommandContext,
  id: string,
  tell: (operation: OperationView) => void,
): Promise<void> {
  const { session } = context;
  const ended = session.get(OperationRunner).runToCompletion(id);
  context.underWay = { id, ended };
  const watching = new AbortController();
  const stopWatching = (): void => watching.abort();
  ended.then(stopWatching, stopWatching);
  let told = '';
  const look = async (): Promise<OperationView> => {
    const operation = await session.get(OperationRecords).read(id);
    const { heartbeatAt: _pulse, ...content } = operation;
    const state = JSON.stringify(content);
    if (state !== told) tell(operation);
    told = state;
    return operation;
  };
  while (!watching.signal.aborted && !hasEnded(await look())) {
    await delay(LOOK_MS, undefined, { signal: watching.signal }).catch(() => undefined); // it has ended
  }
  await Promise.all([ended, look()]);
}

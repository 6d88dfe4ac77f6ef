import { commandLineActor } from './actor.js';
import { InterruptedError } from '../terminal/cli.errors.js';
import type { CommandContext, CommandLineOptions, CommandNeeds, GlobalOptions } from './command-context.js';
import { ControlPlaneSession } from './control-plane-session.js';
import { interruptible } from './interruption.js';
import { Output } from '../terminal/output.js';
import { endsWithin } from '../../platform/timeout.js';

/** How long an interrupted operation may take to reach the end of its current step. */
const PAUSE_TIMEOUT_MS = 10_000;

/** Opens the control plane for one command, and closes it in every case. */
export async function runWithControlPlane(
  work: (context: CommandContext) => Promise<void>,
  { redis = false }: CommandNeeds,
  { json = false, verbose = false, module }: GlobalOptions,
  { terminal, loadConfig, loadSchema }: CommandLineOptions,
): Promise<void> {
  const loaded = loadConfig({ env: terminal.env, cwd: terminal.cwd });
  const what = verbose ? 'all' : 'waits';
  const log = json && !verbose ? undefined : ({ what, stream: terminal.stderr } as const);
  const session = await ControlPlaneSession.open(loaded, { schema: await loadSchema(module), redis, log });
  const output = new Output(terminal, json);
  const context: CommandContext = { terminal, output, session, actor: commandLineActor() };
  try {
    await interruptible(work(context), () => new InterruptedError(context.pendingOperation?.id));
  } catch (error) {
    if (error instanceof InterruptedError) await pause(context);
    throw error;
  } finally {
    await session.close();
  }
}

/** Lets the operation finish its step before the control plane closes: an aborted step would be repeated. */
async function pause({ session, pendingOperation }: CommandContext): Promise<void> {
  await session.pause();
  const ended = pendingOperation?.ended.catch(() => undefined); // rejects because it was paused, as requested
  if (ended) await endsWithin(ended, PAUSE_TIMEOUT_MS);
}

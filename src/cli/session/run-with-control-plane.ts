import { commandLineActor } from './actor.js';
import { InterruptedError } from '../terminal/cli.errors.js';
import type { CommandContext, CommandLineOptions, CommandNeeds, GlobalOptions } from './command-context.js';
import { ControlPlaneSession } from './control-plane-session.js';
import { interruptible } from './interruption.js';
import { Output } from '../terminal/output.js';

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
  const stopping = new AbortController();
  const { signal } = stopping;
  const context: CommandContext = { terminal, output, session, signal, actor: commandLineActor() };
  const interrupt = (): Error => {
    const error = new InterruptedError(context.pendingOperationId);
    stopping.abort(error);
    return error;
  };
  try {
    await interruptible(work(context), interrupt);
  } finally {
    await session.close();
  }
}

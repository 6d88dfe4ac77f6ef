import { loadConfig } from '../../platform/config/load-config.js';
import { commandLineActor } from './actor.js';
import { InterruptedError } from '../terminal/cli.errors.js';
import type { CommandContext, CommandLineOptions, CommandNeeds, GlobalOptions } from './command-context.js';
import { ControlPlaneSession } from './control-plane-session.js';
import { interruptible } from './interruption.js';
import { Output } from '../terminal/output.js';

/** What is put down after an interruption has so long to get to a place where it can be. */
const PUT_DOWN_MS = 10_000;

/** Opens the control plane for one command, and closes it whatever happens. */
export async function runWithControlPlane(
  work: (context: CommandContext) => Promise<void>,
  { redis = false }: CommandNeeds,
  { json = false, verbose = false }: GlobalOptions,
  { terminal, loadSchema }: CommandLineOptions,
): Promise<void> {
  const loaded = loadConfig({ env: terminal.env, cwd: terminal.cwd });
  const logTo = verbose ? terminal.stderr : undefined;
  const session = await ControlPlaneSession.open(loaded, { schema: await loadSchema(), redis, logTo });
  const output = new Output(terminal, json);
  const context: CommandContext = { terminal, output, session, actor: commandLineActor() };
  try {
    await interruptible(work(context), () => new InterruptedError(context.underWay?.id));
  } catch (error) {
    if (error instanceof InterruptedError) await pause(context);
    throw error;
  } finally {
    await session.close();
  }
}

/** Closed under its hands, the operation would have to be done again from further back. */
async function pause({ session, underWay }: CommandContext): Promise<void> {
  await session.pause();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PUT_DOWN_MS);
  });
  const ended = underWay?.ended.catch(() => undefined); // that it was put down, which is what was asked for
  await Promise.race([ended, late]);
  clearTimeout(timer);
}

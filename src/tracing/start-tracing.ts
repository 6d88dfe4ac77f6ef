import type { OpenTelemetry } from './open-telemetry.js';
import { tracingWish } from './tracing-variables.js';
import { useTracing } from './tracing.js';

type Say = (message: string) => void;

const PACKAGE = /Cannot find (?:package|module) '([^']+)'/;

/**
 * Loads and starts OpenTelemetry's SDK when its standard variables ask for traces; otherwise nothing is loaded. What
 * cannot be done costs the traces, never the start, and is told in one line.
 *
 * @param env the real environment: the SDK reads that one, too, and no `.env` file
 */
export async function startTracing(
  env: NodeJS.ProcessEnv,
  say: { readonly log: Say; readonly warn: Say },
): Promise<OpenTelemetry | undefined> {
  const wish = tracingWish(env);
  if (wish.kind === 'unsupported') say.warn(`No traces: ${wish.reason}`);
  if (wish.kind !== 'otlp') return undefined;
  try {
    const { OpenTelemetry: Sdk } = await import('./open-telemetry.js');
    const tracing = Sdk.start(say);
    useTracing(tracing);
    say.log(`Traces go to ${wish.to}`);
    return tracing;
  } catch (error) {
    say.warn(`No traces: ${whyNot(error)}`);
    return undefined;
  }
}

function whyNot(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  const missing =
    code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND' ? PACKAGE.exec(message)?.[1] : undefined;
  return missing === undefined ? `OpenTelemetry could not be started: ${message}` : `${missing} is not installed`;
}

import { isNotInstalled } from '../platform/not-installed.js';
import type { OpenTelemetry } from './open-telemetry.js';
import { traceExportSettings } from './tracing-variables.js';
import { useTracing } from './tracing.js';

type LogFunction = (message: string) => void;

const PACKAGE = /Cannot find (?:package|module) '([^']+)'/;

/**
 * Loads and starts OpenTelemetry's SDK when its standard variables enable traces; otherwise loads nothing. A failure
 * disables tracing with one log line but never prevents startup.
 *
 * @param env the process environment, because that is what the SDK reads; `.env` files have no effect
 */
export async function startTracing(
  env: NodeJS.ProcessEnv,
  logger: { readonly log: LogFunction; readonly warn: LogFunction },
): Promise<OpenTelemetry | undefined> {
  const settings = traceExportSettings(env);
  if (settings.kind === 'unsupported') logger.warn(`Tracing is disabled: ${settings.reason}`);
  if (settings.kind !== 'otlp') return undefined;
  try {
    const { OpenTelemetry: Sdk } = await import('./open-telemetry.js');
    const tracing = Sdk.start(logger);
    useTracing(tracing);
    logger.log(`Exporting traces to ${settings.endpoint}`);
    return tracing;
  } catch (error) {
    logger.warn(`Tracing is disabled: ${startFailure(error)}`);
    return undefined;
  }
}

function startFailure(error: unknown): string {
  const { message } = error as Error;
  const missing = isNotInstalled(error) ? PACKAGE.exec(message)?.[1] : undefined;
  return missing === undefined ? `OpenTelemetry could not be started: ${message}` : `${missing} is not installed`;
}

import { currentTracing, useTracing } from './tracing.js';

const NOT_INSTALLED: ReadonlySet<string | undefined> = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND']);

/**
 * Adds this package's spans to the traces of the application that it is used in, when `@opentelemetry/api` is installed
 * and the application has registered an SDK by now. Otherwise tracing stays off, and costs nothing.
 */
export async function useHostTracing(): Promise<void> {
  const tracing = await hostTracing();
  if (tracing && !currentTracing()) useTracing(tracing);
}

async function hostTracing() {
  try {
    return (await import('./api-tracing.js')).registeredTracing();
  } catch (error) {
    if (NOT_INSTALLED.has((error as NodeJS.ErrnoException).code)) return undefined;
    throw error;
  }
}

import { isNotInstalled } from '../platform/not-installed.js';
import { currentTracing, useTracing } from './tracing.js';

/**
 * Adds this package's spans to the traces of the application that it is used in, when `@opentelemetry/api` is installed
 * and the application has registered an SDK before `TenantryModule` is initialised. Otherwise tracing stays off, and costs nothing.
 */
export async function useHostTracing(): Promise<void> {
  const tracing = await hostTracing();
  if (tracing && !currentTracing()) useTracing(tracing);
}

async function hostTracing() {
  try {
    return (await import('./api-tracing.js')).registeredTracing();
  } catch (error) {
    if (isNotInstalled(error)) return undefined;
    throw error;
  }
}

import type { HttpRequest } from './http-request.js';

/** The request's id. On Express, the application's logger may have put one of any kind there. */
export function requestIdOf({ id }: HttpRequest): string | undefined {
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined;
}

/** A command that Redis refuses (without rights, without memory) is no reason to take Redis for dead, as the cache would. */
export function unlessRefused(error: unknown): undefined {
  if (error instanceof Error && error.name === 'ReplyError') return undefined;
  throw error;
}

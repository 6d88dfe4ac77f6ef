import { hostname, userInfo } from 'node:os';
import type { Actor } from '../../catalog/audit/actor.js';

/** Whoever is logged in on this machine. */
export function commandLineActor(): Actor {
  return { name: `command line (${userName()}@${hostname()})` };
}

/** In a container the user may have a number and no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

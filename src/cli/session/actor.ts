import { hostname, userInfo } from 'node:os';
import type { Actor } from '../../catalog/audit/actor.js';

/** The operating system user, as recorded in the audit log. */
export function commandLineActor(): Actor {
  return { name: `command line (${userName()}@${hostname()})` };
}

/** In a container the user may have a uid without a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

import { UsageError } from '../terminal/cli.errors.js';
import type { Terminal } from '../terminal/terminal.js';

const VARIABLE = 'TENANTRY_OWNER_PASSWORD';
const MAX_CHARACTERS = 10_000;

/**
 * The password of a server's owner role, from standard input or the environment: other users of the machine can read a
 * process's arguments. Undefined when none is given.
 *
 * @throws UsageError when standard input is a terminal or empty
 */
export async function ownerPassword({ stdin, env }: Terminal, fromStdin: boolean): Promise<string | undefined> {
  if (!fromStdin) return env[VARIABLE] || undefined;
  if (stdin.isTTY) throw new UsageError('--owner-password-stdin expects the password on standard input');
  let text = '';
  for await (const chunk of stdin.setEncoding('utf8')) {
    text += String(chunk);
    if (text.includes('\n') || text.length > MAX_CHARACTERS) break;
  }
  const password = text.split(/\r?\n/)[0];
  if (!password) throw new UsageError('no password on standard input');
  return password;
}

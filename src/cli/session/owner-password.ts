import { UsageError } from '../terminal/cli.errors.js';
import type { Terminal } from '../terminal/terminal.js';

const VARIABLE = 'TENANTRY_OWNER_PASSWORD';
const LONGEST_CHARACTERS = 10_000;

/**
 * The password of a server's owner, from where nobody else on the machine sees it; undefined when none is given.
 *
 * @throws UsageError when standard input has none
 */
export async function ownerPassword({ stdin, env }: Terminal, fromStdin: boolean): Promise<string | undefined> {
  if (!fromStdin) return env[VARIABLE] || undefined;
  if (stdin.isTTY) throw new UsageError('--owner-password-stdin needs the password piped into it');
  let text = '';
  for await (const chunk of stdin.setEncoding('utf8')) {
    text += String(chunk);
    if (text.includes('\n') || text.length > LONGEST_CHARACTERS) break;
  }
  const password = text.split(/\r?\n/)[0];
  if (!password) throw new UsageError('standard input has no password');
  return password;
}

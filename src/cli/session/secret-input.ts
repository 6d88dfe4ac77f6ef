import { UsageError } from '../terminal/cli.errors.js';
import type { Terminal } from '../terminal/terminal.js';

const MAX_CHARACTERS = 10_000;

export interface SecretSource {
  readonly variable: string;
  /** The option by which a user chooses standard input. */
  readonly option: string;
  readonly fromStdin: boolean;
}

/**
 * A password from standard input or the environment: other users of the machine can read a process's arguments. Undefined when
 * none is given.
 *
 * @throws UsageError when standard input is a terminal or empty
 */
export async function secretInput(
  { stdin, env }: Terminal,
  { variable, option, fromStdin }: SecretSource,
): Promise<string | undefined> {
  if (!fromStdin) return env[variable] || undefined;
  if (stdin.isTTY) throw new UsageError(`${option} expects the password on standard input`);
  let text = '';
  for await (const chunk of stdin.setEncoding('utf8')) {
    text += String(chunk);
    if (text.includes('\n') || text.length > MAX_CHARACTERS) break;
  }
  const password = text.split(/\r?\n/)[0];
  if (!password) throw new UsageError('no password on standard input');
  return password;
}

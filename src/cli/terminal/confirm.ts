import { createInterface } from 'node:readline/promises';
import { NotConfirmedError, UsageError } from './cli.errors.js';
import type { Terminal } from './terminal.js';

/**
 * Asks on a terminal for what cannot be undone.
 *
 * @param expected what has to be typed
 * @throws NotConfirmedError, UsageError when nobody is there to ask
 */
export async function confirm({ stdin, stderr }: Terminal, question: string, expected: string): Promise<void> {
  if (!stdin.isTTY) throw new UsageError(`${question} Confirm with --yes`);
  const dialogue = createInterface({ input: stdin, output: stderr });
  const ended = new AbortController();
  dialogue.once('close', () => ended.abort()); // Ctrl-C, Ctrl-D
  try {
    const answer = await dialogue.question(`${question} Type ${expected} to confirm: `, { signal: ended.signal });
    if (answer.trim() !== expected) throw new NotConfirmedError();
  } catch (error) {
    throw ended.signal.aborted ? new NotConfirmedError() : error;
  } finally {
    dialogue.close();
  }
}

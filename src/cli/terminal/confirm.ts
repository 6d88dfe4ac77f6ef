import { createInterface } from 'node:readline/promises';
import { NotConfirmedError, UsageError } from './cli.errors.js';
import type { Terminal } from './terminal.js';

/**
 * Asks the user to confirm something that cannot be undone.
 *
 * @param expected the text to type
 * @throws NotConfirmedError when another text is typed, or the prompt is closed
 * @throws UsageError when standard input is not a terminal
 */
export async function confirm({ stdin, stderr }: Terminal, question: string, expected: string): Promise<void> {
  if (!stdin.isTTY) throw new UsageError(`${question} Confirm with --yes`);
  const prompt = createInterface({ input: stdin, output: stderr });
  const closed = new AbortController();
  prompt.once('close', () => closed.abort()); // Ctrl-C, Ctrl-D
  try {
    const answer = await prompt.question(`${question} Type ${expected} to confirm: `, { signal: closed.signal });
    if (answer.trim() !== expected) throw new NotConfirmedError();
  } catch (error) {
    throw closed.signal.aborted ? new NotConfirmedError() : error;
  } finally {
    prompt.close();
  }
}

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
  const answer = await ask({ stdin, stderr }, question, `Type ${expected} to confirm: `);
  if (answer.trim() !== expected) throw new NotConfirmedError();
}

/**
 * Asks a question that is answered with y or yes; anything else is no.
 *
 * @throws NotConfirmedError when the prompt is closed
 * @throws UsageError when standard input is not a terminal
 */
export async function askYesOrNo(terminal: Terminal, question: string): Promise<boolean> {
  return /^y(es)?$/i.test((await ask(terminal, question, '[y/N] ')).trim());
}

async function ask(
  { stdin, stderr }: Pick<Terminal, 'stdin' | 'stderr'>,
  question: string,
  hint: string,
): Promise<string> {
  if (!stdin.isTTY) throw new UsageError(`${question} Confirm with --yes`);
  const prompt = createInterface({ input: stdin, output: stderr });
  const closed = new AbortController();
  prompt.once('close', () => closed.abort()); // Ctrl-C, Ctrl-D
  try {
    return await prompt.question(`${question} ${hint}`, { signal: closed.signal });
  } catch (error) {
    throw closed.signal.aborted ? new NotConfirmedError() : error;
  } finally {
    prompt.close();
  }
}

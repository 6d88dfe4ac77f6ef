import { CodedError } from '../errors/coded-error.js';

/** One variable that stops the start, and what was expected of it. Never its value, which may be a secret. */
export interface ConfigurationProblem {
  /** The variable's name; `.env` for the file as a whole. */
  readonly variable: string;
  /** Continues the sentence "expected …". */
  readonly expected: string;
}

/** Raised when the environment is not valid; carries every problem that was found, not only the first. */
export class ConfigurationError extends CodedError {
  readonly code = 'CONFIGURATION_INVALID';

  constructor(
    readonly problems: readonly ConfigurationProblem[],
    options?: { cause?: unknown },
  ) {
    super(`The configuration is not valid:\n${table(problems)}\nEvery variable is described in .env.example.`, options);
  }
}

function table(problems: readonly ConfigurationProblem[]): string {
  const width = Math.max(...problems.map(({ variable }) => variable.length));
  return problems.map(({ variable, expected }) => `  ${variable.padEnd(width)}  expected ${expected}`).join('\n');
}

import { CodedError } from '../errors/coded-error.js';

/** An invalid variable and the expected format. Never its value, which may be a secret. */
export interface ConfigurationProblem {
  /** The variable's name, or `.env` for the file as a whole. */
  readonly variable: string;
  /** Completes the sentence "expected …". */
  readonly expected: string;
}

/** Raised when the environment is invalid. Lists every problem, not only the first. */
export class ConfigurationError extends CodedError {
  readonly code = 'CONFIGURATION_INVALID';

  constructor(
    readonly problems: readonly ConfigurationProblem[],
    options?: { cause?: unknown },
  ) {
    super(
      `The configuration is invalid:\n${table(problems)}\nSee .env.example for a description of every variable.`,
      options,
    );
  }
}

function table(problems: readonly ConfigurationProblem[]): string {
  const width = Math.max(...problems.map(({ variable }) => variable.length));
  return problems.map(({ variable, expected }) => `  ${variable.padEnd(width)}  expected ${expected}`).join('\n');
}

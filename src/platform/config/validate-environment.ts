import type { z } from 'zod';
import { ConfigurationError, type ConfigurationProblem } from './config.errors.js';
import { environmentRules } from './environment-rules.js';
import { type Environment, environmentTable, VARIABLE_NAMES, type VariableName } from './environment.js';

/** The variables that are set, as unparsed text. */
export type RawVariables = Readonly<Partial<Record<VariableName, string>>>;

/** @throws ConfigurationError listing the problems of all variables, in declaration order */
export function validateEnvironment(variables: RawVariables): Environment {
  const single = singleProblems(environmentTable.safeParse(variables).error);
  const invalid = new Set<string>(single.map(({ variable }) => variable));
  const environment = environmentTable.parse(without(variables, invalid));
  const problems = [...single, ...crossProblems(environment, invalid)];
  if (problems.length > 0) throw new ConfigurationError(inDeclarationOrder(problems));
  return environment;
}

function singleProblems(error: z.ZodError | undefined): ConfigurationProblem[] {
  const expected = new Map<string, string>();
  for (const { path, message } of error?.issues ?? []) expected.set(String(path[0]), message);
  return [...expected].map(([variable, message]) => ({ variable, expected: message }));
}

function crossProblems(environment: Environment, invalid: ReadonlySet<string>): ConfigurationProblem[] {
  return environmentRules
    .filter(({ variable, dependsOn }) => ![variable, ...dependsOn].some((name) => invalid.has(name)))
    .filter(({ isViolated }) => isViolated(environment))
    .map(({ variable, expected }) => ({ variable, expected }));
}

function without(variables: RawVariables, names: ReadonlySet<string>): RawVariables {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !names.has(name)));
}

function inDeclarationOrder(problems: readonly ConfigurationProblem[]): ConfigurationProblem[] {
  return VARIABLE_NAMES.flatMap((name) => problems.filter(({ variable }) => variable === name));
}

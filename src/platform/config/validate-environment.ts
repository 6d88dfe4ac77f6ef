import type { z } from 'zod';
import { ConfigurationError, type ConfigurationProblem } from './config.errors.js';
import { environmentRules } from './environment-rules.js';
import { type Environment, environmentTable, VARIABLE_NAMES, type VariableName } from './environment.js';

/** The variables that are set, as text. */
export type GivenVariables = Readonly<Partial<Record<VariableName, string>>>;

/** @throws ConfigurationError with the problems of all variables, in the table's order */
export function validateEnvironment(given: GivenVariables): Environment {
  const single = singleProblems(environmentTable.safeParse(given).error);
  const bad = new Set<string>(single.map(({ variable }) => variable));
  const environment = environmentTable.parse(without(given, bad));
  const problems = [...single, ...crossProblems(environment, bad)];
  if (problems.length > 0) throw new ConfigurationError(inTableOrder(problems));
  return environment;
}

function singleProblems(error: z.ZodError | undefined): ConfigurationProblem[] {
  const expected = new Map<string, string>();
  for (const { path, message } of error?.issues ?? []) expected.set(String(path[0]), message);
  return [...expected].map(([variable, message]) => ({ variable, expected: message }));
}

function crossProblems(environment: Environment, bad: ReadonlySet<string>): ConfigurationProblem[] {
  return environmentRules
    .filter(({ variable, besides }) => ![variable, ...besides].some((name) => bad.has(name)))
    .filter(({ broken }) => broken(environment))
    .map(({ variable, expected }) => ({ variable, expected }));
}

function without(given: GivenVariables, names: ReadonlySet<string>): GivenVariables {
  return Object.fromEntries(Object.entries(given).filter(([name]) => !names.has(name)));
}

function inTableOrder(problems: readonly ConfigurationProblem[]): ConfigurationProblem[] {
  return VARIABLE_NAMES.flatMap((name) => problems.filter(({ variable }) => variable === name));
}

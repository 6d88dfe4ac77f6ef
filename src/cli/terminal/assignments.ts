import { InvalidArgumentError } from 'commander';

/** A value that an option assigns to a key. */
export interface Assignment {
  readonly key: string;
  readonly value: unknown;
}

/** Commander argument parser of a repeatable option `key=json`. What is not JSON is text: `currency=EUR`. */
export function assigned(text: string, previous: readonly Assignment[] = []): readonly Assignment[] {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('must be key=value.');
  return [...previous, { key: text.slice(0, at), value: valueOf(text.slice(at + 1)) }];
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** The changes of a request: a removed key is null. Undefined when there are none. */
export function changesOf(
  set: readonly Assignment[] = [],
  unset: readonly string[] = [],
): Readonly<Record<string, unknown>> | undefined {
  const changes = [...set.map(({ key, value }) => [key, value] as const), ...unset.map((key) => [key, null] as const)];
  return changes.length === 0 ? undefined : Object.fromEntries(changes);
}

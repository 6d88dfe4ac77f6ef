import { type Tenant, TENANT_LIMITS } from '../api/types.js';
import { Field } from './form.js';

interface LimitFieldsProps {
  readonly limits: Tenant['limits'];
  /** What holds where a field is empty. */
  readonly absent: string;
}

/** A field for each limit of the API. */
export function LimitFields({ limits, absent }: LimitFieldsProps) {
  return (
    <>
      {TENANT_LIMITS.map(({ name, description, minimum, maximum }) => (
        <Field
          key={name}
          label={name}
          name={name}
          type="number"
          value={String(limits[name] ?? '')}
          hint={`${description}, ${minimum} to ${maximum}; empty: ${absent}`}
        />
      ))}
    </>
  );
}

/** Numbers as they were typed: the API says what is wrong with one. */
export function limitsIn(values: Readonly<Record<string, string>>): Record<string, number> {
  const given = TENANT_LIMITS.map(({ name }) => [name, values[name] ?? ''] as const);
  return Object.fromEntries(given.flatMap(([name, text]) => (text === '' ? [] : [[name, Number(text)] as const])));
}

/** The same for a change of single limits: null where a field is empty. */
export function limitChangesIn(values: Readonly<Record<string, string>>): Record<string, number | null> {
  const given = limitsIn(values);
  return Object.fromEntries(TENANT_LIMITS.map(({ name }) => [name, given[name] ?? null]));
}

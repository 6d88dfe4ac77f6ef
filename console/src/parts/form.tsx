import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import { announceError } from './announcer.js';

type Values = Readonly<Record<string, string>>;

interface FormProps {
  readonly title: string;
  readonly submit: string;
  readonly isDangerous?: boolean;
  readonly children: ComponentChildren;
  /** Its failure is shown. @param changedTexts names of each `Field` in which the operator has changed the text; other inputs are not looked at */
  readonly onSubmit: (values: Values, changedTexts: ReadonlySet<string>) => Promise<unknown>;
}

export function Form({ title, submit, isDangerous = false, children, onSubmit }: FormProps) {
  const [isBusy, setBusy] = useState(false);
  const send = async (form: HTMLFormElement): Promise<void> => {
    setBusy(true);
    try {
      const entries = [...new FormData(form)].map(([name, value]) => [
        name,
        typeof value === 'string' ? value.trim() : '',
      ]);
      await onSubmit(Object.fromEntries(entries) as Values, changedTexts(form));
      form.reset();
    } catch (error) {
      announceError(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <details class="form">
      <summary>{title}</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send(event.currentTarget);
        }}
      >
        {children}
        <button type="submit" class={isDangerous ? 'danger' : 'primary'} disabled={isBusy}>
          {submit}
        </button>
      </form>
    </details>
  );
}

function changedTexts(form: HTMLFormElement): ReadonlySet<string> {
  const inputs = [...form.elements].filter((element) => element instanceof HTMLInputElement);
  return new Set(inputs.filter(({ value, defaultValue }) => value.trim() !== defaultValue).map(({ name }) => name));
}

interface FieldProps {
  readonly label: string;
  readonly name: string;
  readonly value?: string;
  readonly isRequired?: boolean;
  readonly type?: 'text' | 'number' | 'password';
  readonly hint?: string;
}

export function Field({ label, name, value = '', isRequired = false, type = 'text', hint }: FieldProps) {
  const shared = { name, defaultValue: value, required: isRequired, spellcheck: false };
  return (
    <Labelled label={label} hint={hint}>
      {(hintId) =>
        type === 'password' ? (
          <input type="password" autoComplete="new-password" {...shared} {...hintId} />
        ) : (
          <input inputMode={type === 'number' ? 'decimal' : 'text'} autoComplete="off" {...shared} {...hintId} />
        )
      }
    </Labelled>
  );
}

export function TextArea({ label, name, hint }: Pick<FieldProps, 'label' | 'name' | 'hint'>) {
  return (
    <Labelled label={label} hint={hint}>
      {(hintId) => <textarea name={name} rows={4} required spellcheck={false} {...hintId} />}
    </Labelled>
  );
}

interface LabelledProps {
  readonly label: string;
  readonly hint: string | undefined;
  readonly children: (hintId: { readonly 'aria-describedby'?: string }) => ComponentChildren;
}

/** The hint describes the field, and is no part of its name. */
function Labelled({ label, hint, children }: LabelledProps) {
  const id = useId();
  return (
    <div>
      <label>
        {label}
        {children(hint === undefined ? {} : { 'aria-describedby': id })}
      </label>
      {hint !== undefined && <small id={id}>{hint}</small>}
    </div>
  );
}

export function Check({ label, name }: Pick<FieldProps, 'label' | 'name'>) {
  return (
    <label>
      <input type="checkbox" name={name} /> {label}
    </label>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly name: string;
  readonly options: readonly string[];
  /** Label of the empty choice; undefined: there is none. */
  readonly none?: string;
  readonly value?: string;
  readonly onChange?: (value: string) => void;
}

export function Choice({ label, name, options, none, value, onChange }: ChoiceProps) {
  return (
    <label>
      {label}
      <select name={name} onChange={(event) => onChange?.(event.currentTarget.value)}>
        {none !== undefined && <option value="">{none}</option>}
        {options.map((option) => (
          <option key={option} value={option} selected={option === value}>
            {option}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The words of a field, which commas or spaces separate. */
export function words(text: string | undefined): string[] {
  return (text ?? '').split(/[\s,]+/).filter(Boolean);
}

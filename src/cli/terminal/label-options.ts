import { InvalidArgumentError } from 'commander';
import type { Labels } from '../../catalog/model/labels.js';

/** The options `--label key=value` and `--no-labels`. */
export interface LabelsOption {
  readonly label?: Labels | undefined;
  /** False with `--no-labels`. */
  readonly labels?: boolean | undefined;
}

/** Commander argument parser of a repeatable option `key=value`. The schema of the request says which ones are valid. */
export function label(text: string, previous: Labels = {}): Labels {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError('must be key=value.');
  return { ...previous, [text.slice(0, at)]: text.slice(at + 1) };
}

/** A field of a request with the labels that are given; none with `--no-labels`; no field without either option. */
export function labelsOf(
  field: string,
  { label: given, labels = true }: LabelsOption,
): Readonly<Record<string, Labels>> {
  if (given) return { [field]: given };
  return labels ? {} : { [field]: {} };
}

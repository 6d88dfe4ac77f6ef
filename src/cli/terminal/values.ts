import { InvalidArgumentError } from 'commander';

const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** For commander: a whole number, zero or above. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number.');
  return Number(text);
}

/** For commander: `7d`, `12h`, `30m`, `3600s`, or seconds without a unit; in seconds. */
export function seconds(text: string): number {
  const [, amount, unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(text) ?? [];
  if (amount === undefined) throw new InvalidArgumentError('must be a time such as 7d, 12h, 30m, 3600s or 0.');
  return Number(amount) * SECONDS[unit as keyof typeof SECONDS];
}

/** For commander: an option that may be given several times. */
export function repeated(text: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, text];
}

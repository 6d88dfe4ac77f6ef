import { describe, it } from '@jest/globals';

/**
 * Describes a suite that not every machine can run. Where it cannot run, it is skipped with the reason in its title; with
 * `CI` set it fails instead, because a skipped suite goes unnoticed there.
 *
 * @param requirement what the machine must offer, as a noun phrase
 */
export function describeIf(isPossible: boolean, requirement: string, title: string, suite: () => void): void {
  if (isPossible) {
    describe(title, suite);
  } else if (process.env['CI']) {
    describe(title, () => {
      it('is not skipped in CI', () => {
        throw new Error(`this suite requires ${requirement}, and must not be skipped in CI`);
      });
    });
  } else {
    process.stderr.write(`Skipped: "${title}" requires ${requirement}\n`);
    describe.skip(`${title} (skipped: requires ${requirement})`, suite);
  }
}

import type { Check, ConfigContext } from '../diagnosis/check.js';
import { fail, ok } from '../diagnosis/finding.js';

const MIN_VERSION = [20, 19] as const;

/** Checks that this Node.js is supported: `engines` in package.json is only a warning of npm. */
export const nodeVersion: Check<ConfigContext> = {
  name: 'node',
  run: () => {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    if (major > MIN_VERSION[0] || (major === MIN_VERSION[0] && minor >= MIN_VERSION[1]))
      return [ok('node', process.version)];
    return [fail('node', `${process.version} is too old`, `install Node.js ${MIN_VERSION.join('.')} or newer`)];
  },
};

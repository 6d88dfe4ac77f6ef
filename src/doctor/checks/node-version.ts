import type { Check, Configured } from '../diagnosis/diagnosis.js';
import { fail, ok } from '../diagnosis/finding.js';

const OLDEST = [20, 19] as const;

export const nodeVersion: Check<Configured> = {
  name: 'node',
  look: () => {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return [ok('node', process.version)];
    return [fail('node', `${process.version} is too old`, `install Node.js ${OLDEST.join('.')} or newer`)];
  },
};

import type { Terminal } from '../terminal/terminal.js';
import { secretInput } from './secret-input.js';

/** The password of a server's owner role; undefined when none is given. @throws UsageError */
export function ownerPassword(terminal: Terminal, fromStdin: boolean): Promise<string | undefined> {
  return secretInput(terminal, { variable: 'TENANTRY_OWNER_PASSWORD', option: '--owner-password-stdin', fromStdin });
}

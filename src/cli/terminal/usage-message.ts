import type { CommanderError } from 'commander';
import { printable } from './table.js';

/** What was written wrongly, in our words. */
export function usageMessage({ code, message }: CommanderError, argv: readonly string[]): string {
  const command = argv.filter((word) => !word.startsWith('-')).slice(0, 2);
  if (code === 'commander.help') return 'name a command; see tenantry --help';
  const isUnknownCommand = code === 'commander.excessArguments' && /for 'list'/.test(message);
  const what = isUnknownCommand ? `unknown command '${command.join(' ')}'` : message.replace(/^error: /, '');
  const place = command[0] === undefined || code === 'commander.unknownCommand' ? '' : `${command[0]} `;
  return `${printable(what)}\nSee: tenantry ${place}--help`;
}

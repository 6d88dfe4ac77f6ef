import type { CommanderError } from 'commander';
import { printable } from './table.js';

/** The message of a usage error, with the help command to run. */
export function usageMessage({ code, message }: CommanderError, argv: readonly string[]): string {
  const command = argv.filter((word) => !word.startsWith('-')).slice(0, 2);
  if (code === 'commander.help') return 'missing command; see tenantry --help';
  const isUnknownCommand = code === 'commander.excessArguments' && /for 'list'/.test(message);
  const problem = isUnknownCommand ? `unknown command '${command.join(' ')}'` : message.replace(/^error: /, '');
  const helpOf = command[0] === undefined || code === 'commander.unknownCommand' ? '' : `${command[0]} `;
  return `${printable(problem)}\nSee: tenantry ${helpOf}--help`;
}

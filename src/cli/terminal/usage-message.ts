import type { Command, CommanderError } from 'commander';
import { printable } from './table.js';

/** A usage error of a command. */
export class CommandUsageError extends Error {
  constructor(
    readonly command: Command,
    override readonly cause: CommanderError,
  ) {
    super(cause.message, { cause });
    this.name = 'CommandUsageError';
  }
}

/**
 * The message of a usage error, with the help command to run.
 *
 * @param invocation how the user calls the program
 */
export function usageMessage({ command, cause: { code, message } }: CommandUsageError, invocation: string): string {
  const isGroupsDefault = code === 'commander.excessArguments' && /for 'list'/.test(message);
  const words = wordsTo(isGroupsDefault ? command.parent : command);
  const help = [invocation, ...words, '--help'].join(' ');
  if (code === 'commander.help') return `missing command\nSee: ${help}`;
  const unknown = [...words, ...command.args].slice(0, 2).join(' ');
  const problem = isGroupsDefault ? `unknown command '${unknown}'` : message.replace(/^error: /, '');
  return `${printable(problem)}\nSee: ${help}`;
}

/** The names that lead to a command, without the program's own. */
function wordsTo(command: Command | null): string[] {
  return command?.parent ? [...wordsTo(command.parent), command.name()] : [];
}

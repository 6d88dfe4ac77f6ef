import type { Command } from 'commander';
import type { TenantSchema } from '../../database/table-migrations/tenant-schema.js';
import type { Actor } from '../../catalog/audit/actor.js';
import type { ControlPlaneSession } from './control-plane-session.js';
import type { Output } from '../terminal/output.js';
import type { Terminal } from '../terminal/terminal.js';

/** What the command line is given by whoever composes the application. */
export interface CommandLineOptions {
  readonly terminal: Terminal;
  /** Loaded when a command needs it: `--help` does not. */
  readonly loadSchema: () => Promise<TenantSchema>;
}

/** Options of every command. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** What a command works with. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly output: Output;
  readonly actor: Actor;
  readonly session: ControlPlaneSession;
  /** The operation that is waited for. */
  underWay?: { readonly id: string; readonly ended: Promise<unknown> };
}

export interface CommandNeeds {
  /** It may work on what is kept in Redis. */
  readonly redis?: boolean;
}

/** Runs a command with the control plane open, and closes that whatever happens. */
export type RunCommand = (work: (context: CommandContext) => Promise<void>, needs?: CommandNeeds) => Promise<void>;

/** Runs a command that does without the control plane. `work` returns the exit code. */
export type RunStandaloneCommand = (
  work: (globalOptions: GlobalOptions, options: CommandLineOptions) => Promise<number>,
) => Promise<void>;

export interface CommandRunners {
  readonly run: RunCommand;
  readonly runStandalone: RunStandaloneCommand;
}

/** Adds options, examples, sub-commands and actions to a command that has its name and description already. */
export type DefineCommand = (command: Command, runners: CommandRunners) => void;

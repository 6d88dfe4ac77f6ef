import type { Command } from 'commander';
import type { TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import type { ConfigInput, LoadedConfig } from '../../platform/config/load-config.js';
import type { Actor } from '../../catalog/audit/actor.js';
import type { ControlPlaneSession } from './control-plane-session.js';
import type { Output } from '../terminal/output.js';
import type { Terminal } from '../terminal/terminal.js';

/** What the application around the command line provides. */
export interface CommandLineOptions {
  readonly terminal: Terminal;
  /** How the user calls it, for the examples in help texts. Default: as in this repository. */
  readonly invocation?: string;
  readonly loadConfig: (input: ConfigInput) => LoadedConfig;
  /** Lazy, because `--help` does not need it. @param module the option `--module` */
  readonly loadSchema: (module: string | undefined) => Promise<TenantSchema>;
}

/** Options that every command accepts. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly module?: string;
}

/** Everything a command works with while the control plane is open. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly output: Output;
  readonly actor: Actor;
  readonly session: ControlPlaneSession;
  /** Aborted when the user interrupts the command. */
  readonly signal: AbortSignal;
  /** The id of the operation that the command is waiting for, set while it waits. */
  pendingOperationId?: string;
}

export interface CommandNeeds {
  /** Connect to Redis, when it is enabled: the command's operation may have to change cached entries. */
  readonly redis?: boolean;
}

/** Opens the control plane, runs the command, and closes the control plane in every case. */
type RunCommand = (work: (context: CommandContext) => Promise<void>, needs?: CommandNeeds) => Promise<void>;

/** Runs a command that does not need the control plane. `work` returns the exit code. */
type RunStandaloneCommand = (
  work: (globalOptions: GlobalOptions, options: CommandLineOptions) => Promise<number>,
) => Promise<void>;

export interface CommandRunners {
  readonly run: RunCommand;
  readonly runStandalone: RunStandaloneCommand;
}

/** Adds options, examples, sub-commands and actions to a command that already has its name and description. */
export type DefineCommand = (command: Command, runners: CommandRunners) => void;

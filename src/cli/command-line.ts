import { CommanderError } from 'commander';
import { UsageError } from './terminal/cli.errors.js';
import type { CommandLineOptions, CommandRunners, GlobalOptions } from './session/command-context.js';
import { EXIT, reportFailure } from './terminal/failure.js';
import { buildProgram, INVOCATION } from './program.js';
import { CommandUsageError, usageMessage } from './terminal/usage-message.js';

/** Runs one command and reports its errors. @returns the exit code: 0 success, 1 failure, 2 usage error, 130 interrupted */
export async function runCommandLine(argv: readonly string[], options: CommandLineOptions): Promise<number> {
  const { terminal, invocation = INVOCATION } = options;
  let exitCode: number = EXIT.ok;
  const runners: CommandRunners = {
    run: async (work, needs = {}) => {
      const { runWithControlPlane } = await import('./session/run-with-control-plane.js');
      await runWithControlPlane(work, needs, program.opts<GlobalOptions>(), options);
    },
    runStandalone: async (work) => {
      exitCode = await work(program.opts<GlobalOptions>(), options);
    },
  };
  const program = buildProgram(terminal, runners, invocation);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return EXIT.ok; // --help
    const failure = error instanceof CommandUsageError ? new UsageError(usageMessage(error, invocation)) : error;
    // Read from argv, because the options are not available when parsing them is what failed.
    return reportFailure(failure, terminal, { json: argv.includes('--json'), verbose: argv.includes('--verbose') });
  }
}

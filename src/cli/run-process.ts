import { runCommandLine } from './command-line.js';
import type { CommandLineOptions } from './session/command-context.js';

/** Runs the command line as this process: its arguments, streams and exit code. Whatever is still open then, it ends. */
export async function runProcess(options: Omit<CommandLineOptions, 'terminal'>): Promise<void> {
  const { stdin, stdout, stderr, env } = process;
  // A reader that closes the pipe early, such as `head`, is not a failure.
  stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const terminal = { stdin, stdout, stderr, env, cwd: process.cwd() };
  const exitCode = await runCommandLine(process.argv.slice(2), { ...options, terminal });
  await Promise.all([written(stdout), written(stderr)]);
  process.exit(exitCode);
}

/** Resolves once the output has been handed over; a pipe takes it later than `write` returns. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}

import 'reflect-metadata';
import { styleText } from 'node:util';
import { Logger } from '@nestjs/common';
import type { Command } from 'commander';
import { diagnose as runChecks } from '../../doctor/doctor.js';
import type { Finding, Verdict } from '../../doctor/diagnosis/finding.js';
import type { CommandLineOptions, CommandRunners, GlobalOptions } from '../session/command-context.js';
import { EXIT } from '../terminal/failure.js';
import { InterruptedError } from '../terminal/cli.errors.js';
import { interruptible } from '../session/interruption.js';
import { Output } from '../terminal/output.js';
import { printable } from '../terminal/table.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- doctor
  $ npm run tenantry -- doctor --json`;

const MARKS: Readonly<Record<Verdict, string>> = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' };
const COLOURS = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

/** `doctor` */
export function defineDoctor(command: Command, { runStandalone }: CommandRunners): void {
  command.addHelpText('after', EXAMPLES).action(() => runStandalone(diagnose));
}

/** Prints a line per finding. @returns the exit code */
async function diagnose(
  { json = false, verbose = false, module }: GlobalOptions,
  { terminal, loadConfig, loadSchema }: CommandLineOptions,
): Promise<number> {
  if (!verbose) Logger.overrideLogger(false);
  const { env, cwd, stdout } = terminal;
  const checks = runChecks({ schema: await loadSchema(module), loadConfig: () => loadConfig({ env, cwd }) });
  const findings = await interruptible(checks, () => new InterruptedError(undefined));
  const isHealthy = !findings.some(({ verdict }) => verdict === 'fail');
  const output = new Output(terminal, json);
  output.print({ healthy: isHealthy, findings }, () => describeFindings(findings, stdout.isTTY === true));
  return isHealthy ? EXIT.ok : EXIT.failed;
}

function describeFindings(findings: readonly Finding[], isColoured: boolean): string[] {
  const width = Math.max(...findings.map(({ check }) => check.length));
  return findings.map(({ check, verdict, subject, message, remedy }) => {
    const mark = isColoured ? coloured(verdict) : MARKS[verdict];
    const outcome = `${subject === undefined ? '' : `${subject}: `}${message}`;
    const advice = remedy === undefined ? '' : ` (${remedy})`;
    return `${mark}  ${check.padEnd(width)}  ${printable(outcome + advice)}`;
  });
}

/** Not validated against a stream, because the caller decides by the terminal it prints to. */
function coloured(verdict: Verdict): string {
  return styleText(COLOURS[verdict], MARKS[verdict], { validateStream: false });
}

import 'reflect-metadata';
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
const COLOURS: Readonly<Record<Verdict, string>> = { ok: '\u001B[32m', warn: '\u001B[33m', fail: '\u001B[31m' };
const PLAIN = '\u001B[0m';

/** `doctor` */
export function defineDoctor(command: Command, { runStandalone }: CommandRunners): void {
  command.addHelpText('after', EXAMPLES).action(() => runStandalone(diagnose));
}

/** A line for each finding. @returns the exit code */
async function diagnose(
  { json = false, verbose = false }: GlobalOptions,
  { terminal, loadSchema }: CommandLineOptions,
): Promise<number> {
  if (!verbose) Logger.overrideLogger(false);
  const { env, cwd, stdout } = terminal;
  const looking = runChecks({ env, cwd, schema: await loadSchema() });
  const findings = await interruptible(looking, () => new InterruptedError(undefined));
  const hasFailed = findings.some(({ verdict }) => verdict === 'fail');
  const output = new Output(terminal, json);
  output.answer({ healthy: !hasFailed, findings }, () => lines(findings, stdout.isTTY === true));
  return hasFailed ? EXIT.failed : EXIT.ok;
}

function lines(findings: readonly Finding[], coloured: boolean): string[] {
  const width = Math.max(...findings.map(({ check }) => check.length));
  return findings.map(({ check, verdict, subject, message, remedy }) => {
    const mark = coloured ? COLOURS[verdict] + MARKS[verdict] + PLAIN : MARKS[verdict];
    const what = `${subject === undefined ? '' : `${subject}: `}${message}`;
    const advice = remedy === undefined ? '' : ` (${remedy})`;
    return `${mark}  ${check.padEnd(width)}  ${printable(what + advice)}`;
  });
}

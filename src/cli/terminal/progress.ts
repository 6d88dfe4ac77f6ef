import { hasEnded, type OperationView } from '../../admin/operations/operation.schemas.js';
import { currentStep } from './describe-operation.js';
import { printable } from './table.js';
import type { Terminal } from './terminal.js';

const BAR_WIDTH = 24;
const ERASE_LINE = '\r\u001B[K';
/** Without a terminal, where lines cannot be overwritten, progress within a step is printed each time it grows by this. */
const REPORT_EVERY_PERCENT = 10;

/** Shows the progress of an operation on stderr: a bar on a terminal, a line per change elsewhere. */
export class Progress {
  private lastLine = '';
  private isBarShown = false;

  constructor(
    private readonly terminal: Terminal,
    private readonly silent: boolean,
  ) {}

  show(operation: OperationView): void {
    if (this.silent) return;
    if (this.terminal.stderr.isTTY) this.drawBar(operation);
    else this.writeChanged(lineOf(operation));
  }

  /** Erases the bar. */
  end(): void {
    if (this.isBarShown) this.terminal.stderr.write(ERASE_LINE);
    this.isBarShown = false;
  }

  private drawBar(operation: OperationView): void {
    const filled = Math.round(BAR_WIDTH * fractionOf(operation));
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
    const text = `${bar} ${nameOf(operation)}: ${stateOf(operation)}`;
    this.terminal.stderr.write(ERASE_LINE + text.slice(0, (this.terminal.stderr.columns || 80) - 1));
    this.isBarShown = true;
  }

  private writeChanged(line: string): void {
    if (line !== this.lastLine) this.terminal.stderr.write(`${line}\n`);
    this.lastLine = line;
  }
}

function lineOf(operation: OperationView): string {
  const { progress } = operation;
  const percent = progress && progress.total > 0 ? Math.floor((100 * progress.done) / progress.total) : 0;
  const rounded = percent - (percent % REPORT_EVERY_PERCENT);
  return `${nameOf(operation)}: ${stepOrStatus(operation)}${rounded > 0 ? ` ${rounded} %` : ''}`;
}

function stateOf(operation: OperationView): string {
  const { progress } = operation;
  const counts = progress && progress.total > 0 ? ` ${progress.done}/${progress.total}` : '';
  return stepOrStatus(operation) + counts;
}

function nameOf({ kind, subject }: OperationView): string {
  return printable(`${kind} ${subject}`);
}

/** The current step, or the operation's status when it is not running; with the last error while it waits for a retry. */
function stepOrStatus(operation: OperationView): string {
  const { status, error } = operation;
  const step = currentStep(operation);
  const reason = status !== 'running' && error ? ` (${printable(error.message)})` : '';
  return `${status === 'running' && step !== undefined ? step : status}${reason}`;
}

/** Progress over all steps, 0 to 1. */
function fractionOf(operation: OperationView): number {
  const { steps, progress } = operation;
  if (hasEnded(operation) && operation.status === 'succeeded') return 1;
  const finished = steps.filter(({ status }) => status === 'finished').length;
  const inStep = progress && progress.total > 0 ? Math.min(1, progress.done / progress.total) : 0;
  return steps.length === 0 ? 0 : Math.min(1, (finished + inStep) / steps.length);
}

import { hasEnded, type OperationView } from '../../admin/operations/operation.schemas.js';
import { printable } from './table.js';
import type { Terminal } from './terminal.js';

const BAR_WIDTH = 24;
const ERASE_LINE = '\r\u001B[K';
/** Where nothing can be overwritten, a step with parts is told of each time so much more of it is done. */
const TOLD_EVERY_PERCENT = 10;

/** Shows people how far an operation is: a bar on a terminal, a line per change elsewhere. On stderr. */
export class Progress {
  private told = '';
  private isBarShown = false;

  constructor(
    private readonly terminal: Terminal,
    private readonly silent: boolean,
  ) {}

  show(operation: OperationView): void {
    if (this.silent) return;
    if (this.terminal.stderr.isTTY) this.drawBar(operation);
    else this.reportOnce(lineOf(operation));
  }

  /** Takes the bar away. */
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

  private reportOnce(line: string): void {
    if (line !== this.told) this.terminal.stderr.write(`${line}\n`);
    this.told = line;
  }
}

function lineOf(operation: OperationView): string {
  const { progress } = operation;
  const percent = progress && progress.total > 0 ? Math.floor((100 * progress.done) / progress.total) : 0;
  const told = percent - (percent % TOLD_EVERY_PERCENT);
  return `${nameOf(operation)}: ${currentStep(operation)}${told > 0 ? ` ${told} %` : ''}`;
}

function stateOf(operation: OperationView): string {
  const { progress } = operation;
  const parts = progress && progress.total > 0 ? ` ${progress.done}/${progress.total}` : '';
  return currentStep(operation) + parts;
}

function nameOf({ kind, subject }: OperationView): string {
  return printable(`${kind} ${subject}`);
}

/** Its status, when there is no step to tell of; why it is tried again, when it is. */
function currentStep({ status, steps, error }: OperationView): string {
  const step = steps.find(({ status: of }) => of === 'running' || of === 'failed')?.name;
  const reason = status !== 'running' && error ? ` (${printable(error.message)})` : '';
  return `${status === 'running' && step !== undefined ? step : status}${reason}`;
}

/** Of all steps, 0 to 1. */
function fractionOf(operation: OperationView): number {
  const { steps, progress } = operation;
  if (hasEnded(operation) && operation.status === 'succeeded') return 1;
  const finished = steps.filter(({ status }) => status === 'finished').length;
  const inStep = progress && progress.total > 0 ? Math.min(1, progress.done / progress.total) : 0;
  return steps.length === 0 ? 0 : Math.min(1, (finished + inStep) / steps.length);
}

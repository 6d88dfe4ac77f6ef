import type { Command } from 'commander';
import { rebalanceOptions, type RebalanceView } from '../../../admin/rebalancing/rebalance.schemas.js';
import { Rebalancing } from '../../../admin/rebalancing/rebalancing.js';
import { OperationRunner } from '../../../operations/operation-runner.js';
import { parseOrThrow } from '../../../platform/errors/parse-or-throw.js';
import { z } from 'zod';
import type { CommandContext, CommandRunners } from '../../session/command-context.js';
import { requestOperation } from '../../session/request-operation.js';
import { wholeNumber } from '../../terminal/values.js';

const EXAMPLES = `
Examples:
  $ npm run tenantry -- rebalance --dry-run
  $ npm run tenantry -- rebalance --goal 1.5 --max-moves 20 --at-once 4

A load of 1 is a server's fair part of all tenants, bytes and time in PostgreSQL.`;

interface RebalanceOptions {
  readonly dryRun?: boolean;
  readonly goal?: string;
  readonly maxMoves?: number;
  readonly atOnce?: number;
  readonly wait: boolean;
}

/** `rebalance` */
export function defineRebalance(command: Command, { run }: CommandRunners): void {
  command
    .option('--dry-run', 'print the moves that it would make, and why, without changing anything')
    .option('--goal <load>', 'load that no server is to exceed (default: 1.25)')
    .option('--max-moves <n>', 'moves at most (default: 100)', wholeNumber)
    .option('--at-once <n>', 'tenants that are moved at the same time (default: 2)', wholeNumber)
    .option('--no-wait', 'only queue the operation: running servers move the tenants')
    .addHelpText('after', EXAMPLES)
    .action((options) => run((context) => rebalance(context, options)));
}

async function rebalance(context: CommandContext, options: RebalanceOptions): Promise<void> {
  const { dryRun = false, wait, atOnce } = options;
  const given = { ...(options.goal !== undefined && { goal: Number(options.goal) }), maxMoves: options.maxMoves };
  const { goal, maxMoves } = parseOrThrow(z.strictObject(rebalanceOptions), given);
  if (!dryRun) {
    if (wait) context.session.get(OperationRunner).start(); // the moves, where no server runs
    return requestOperation(context, { kind: 'rebalance', goal, maxMoves, atOnce }, wait);
  }
  const preview = await context.session.get(Rebalancing).preview({ goal, maxMoves });
  context.output.print(preview, () => describe(context, preview));
}

const MOVE_COLUMNS = [
  { title: 'TENANT', value: (move: RebalanceView['moves'][number]) => move.tenant },
  { title: 'FROM', value: (move: RebalanceView['moves'][number]) => move.from },
  { title: 'TO', value: (move: RebalanceView['moves'][number]) => move.to },
  { title: 'BYTES', value: (move: RebalanceView['moves'][number]) => move.bytes },
  { title: 'REASON', value: (move: RebalanceView['moves'][number]) => move.reason },
];

const SERVER_COLUMNS = [
  { title: 'SERVER', value: ({ server }: RebalanceView['servers'][number]) => server },
  { title: 'LOAD', value: ({ before }: RebalanceView['servers'][number]) => before.toFixed(2) },
  { title: 'AFTER', value: ({ after }: RebalanceView['servers'][number]) => after.toFixed(2) },
];

function describe({ output }: CommandContext, view: RebalanceView): string[] {
  const { fullest, moves, bytes, leastBytes, goal, reachesGoal } = view;
  const gain = `the fullest server goes from ${fullest.before.toFixed(2)} to ${fullest.after.toFixed(2)} times its fair part`;
  return [
    ...output.table(view.servers, SERVER_COLUMNS, 'no servers'),
    '',
    ...output.table(moves, MOVE_COLUMNS, 'no moves'),
    '',
    `${moves.length} moves, ${bytes} bytes (any moves that gain as much: ${leastBytes} at least): ${gain}.`,
    ...(reachesGoal ? [] : [`The goal of ${goal} is not reached.`]),
  ];
}

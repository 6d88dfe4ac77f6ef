import type { MovePreviewView } from '../../admin/moves/preview/move-preview.schemas.js';
import type { Output } from './output.js';
import { keyValues } from './table.js';

type Table = MovePreviewView['tables'][number];
type OlderTransaction = MovePreviewView['waiting']['olderTransactions'][number];
type Connections = MovePreviewView['connections'][number];

const TABLES = [
  { title: 'TABLE', value: ({ table }: Table) => table },
  { title: 'ROWS', value: ({ rows, isEstimated }: Table) => `${isEstimated ? 'about ' : ''}${Math.round(rows)}` },
  { title: 'SIZE', value: ({ bytes }: Table) => size(bytes) },
];

const TRANSACTIONS = [
  { title: 'PID', value: ({ pid }: OlderTransaction) => pid },
  { title: 'ROLE', value: ({ role }: OlderTransaction) => role },
  { title: 'APPLICATION', value: ({ application }: OlderTransaction) => application },
  { title: 'STATE', value: ({ state }: OlderTransaction) => state },
  { title: 'SECONDS, AT LEAST', value: ({ seconds }: OlderTransaction) => seconds },
];

const CONNECTIONS = [
  { title: 'SERVER', value: ({ server }: Connections) => server },
  { title: 'CONNECTIONS OPEN', value: ({ open }: Connections) => open },
  { title: 'MAX', value: ({ max }: Connections) => max },
  { title: 'NEEDED BY THE MOVE', value: ({ needed }: Connections) => needed },
];

export function describeMovePreview(preview: MovePreviewView, output: Output): string[] {
  const { obstacles, notes, creates, tables, waiting, connections } = preview;
  return [
    ...keyValues([
      ['tenant', preview.slug],
      ['from', place(preview.from)],
      ['to', place(preview.to)],
      ['creates', creates.map(({ what, name }) => `${what} ${name}`).join(', ') || 'nothing'],
      ['rows', tables.some(({ isEstimated }) => isEstimated) ? `about ${preview.rows}` : preview.rows],
      [
        'size',
        size(preview.bytes) + (preview.areBytesEstimated ? ' (rows by their average width, without indexes)' : ''),
      ],
      ['copy', copyTime(preview.copy)],
      ['writes wait', waits(waiting)],
    ]),
    '',
    ...output.table(tables, TABLES, 'no tables'),
    '',
    ...output.table(connections, CONNECTIONS, 'no connections'),
    ...(waiting.olderTransactions.length === 0
      ? []
      : [
          '',
          'Under way, and waited for if still there:',
          ...output.table(waiting.olderTransactions, TRANSACTIONS, ''),
        ]),
    ...(notes.length === 0 ? [] : ['', ...notes.map((note) => `Note: ${note}`)]),
    '',
    ...(obstacles.length === 0 ? ['No obstacle is known.'] : obstacles.map((obstacle) => `Obstacle: ${obstacle}`)),
  ];
}

function place({ isolation, server, database, schema }: MovePreviewView['from']): string {
  return `${isolation}: server ${server}, database ${database}, schema ${schema}`;
}

function copyTime(copy: MovePreviewView['copy']): string {
  if (!copy) return 'nothing to copy';
  return `about ${copy.estimatedSeconds} s (estimated from ${size(copy.sampledBytes)} read in ${copy.sampledMs} ms)`;
}

function waits({
  limitMs,
  attemptMs,
  longestAttemptMs,
  lastChanges,
  sourceRoundTripMs,
  destinationRoundTripMs,
}: MovePreviewView['waiting']): string {
  return (
    `once, for transactions under way (${attemptMs} ms in the first attempt, ${longestAttemptMs / 1_000} s in any) and for the last ${lastChanges} changes at most, with round ` +
    `trips of ${sourceRoundTripMs ?? '?'} and ${destinationRoundTripMs ?? '?'} ms; refused after ${limitMs / 1_000} s (DB_POOL_TIMEOUT)`
  );
}

function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log(bytes) / Math.log(1024)));
  return `${Math.round((bytes / 1024 ** power) * 10) / 10} ${units[power]}`;
}

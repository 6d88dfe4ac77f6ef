import type { UsageView } from './usage.schemas.js';

const COLUMNS = [
  ...(['at', 'tenantId', 'tenant', 'requests', 'runs', 'errors', 'durationMs', 'statements', 'waitMs'] as const),
  ...(['databaseMs', 'rowsRead', 'rowsWritten', 'storedBytes'] as const),
];

/** Lines of RFC 4180, the first one with the names of the columns. Texts are quoted; none can begin as a formula does. */
export function usageCsv(items: readonly UsageView[], hasHeader = true): string {
  const lines = items.map((item) => COLUMNS.map((column) => toField(item[column])).join(','));
  return [...(hasHeader ? [COLUMNS.join(',')] : []), ...lines].map((line) => `${line}\r\n`).join('');
}

function toField(value: string | number | null): string {
  if (typeof value !== 'string') return value === null ? '' : String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return `"${text.replaceAll('"', '""')}"`;
}

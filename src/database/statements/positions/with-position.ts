import { isRepeatable } from '../../sql-guard/row-statements.js';
import { currentPositions } from './call-positions.js';
import type { Statement } from '../statement.js';
import { statementRecords } from '../statement-records.js';

/** The statement; if it may write, and the call remembers where it has written, it asks where the log stands after it. */
export function withPosition(statement: Statement): Statement {
  const positions = currentPositions();
  if (!positions) return statement;
  const isRead = statementRecords.get(statement.text)?.isRepeatable ?? isRepeatable(statement.text);
  return isRead ? statement : { ...statement, onPosition: positions.onPosition };
}

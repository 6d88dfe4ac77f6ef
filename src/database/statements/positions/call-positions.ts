import { currentContext } from '../../../platform/context.js';
import type { OnPosition } from '../statement.js';
import { parsePosition, type WalPosition } from './wal-position.js';

declare module '../../../platform/context.js' {
  interface CallContext {
    /**
     * What a replica must have replayed to be read in the call; absent where the tenant's server has no replicas.
     *
     * @internal
     */
    readonly positions?: CallPositions | undefined;
  }
}

/** What a call requires of a replica. `unknown`: it has written, and where is not known, so that no replica will do. */
export type RequiredPosition = WalPosition | 'unknown';

/** Remembers for one call where its caller has last written: before the call, and in it. */
export class CallPositions {
  private written: RequiredPosition | undefined;
  private readBrought: () => RequiredPosition | undefined = () => undefined;
  private onWritten: (position: RequiredPosition) => void = () => undefined;

  /** @param tenantId whose call it is */
  constructor(readonly tenantId: string) {}

  /** Undefined: any replica will do that is not too far behind. */
  get required(): RequiredPosition | undefined {
    return this.written ?? this.readBrought();
  }

  /**
   * @param readBrought what the caller says that it has written before; called when a replica is to be read
   * @param onWritten called after each write of the call
   */
  attach(readBrought: () => RequiredPosition | undefined, onWritten: (position: RequiredPosition) => void): void {
    this.readBrought = readBrought;
    this.onWritten = onWritten;
  }

  /** Receives where the log stands after a write of the call. */
  readonly onPosition: OnPosition = (position, serverId) =>
    this.noteWritten(position === undefined || serverId === undefined ? undefined : parsePosition(serverId, position));

  private noteWritten(position: WalPosition | undefined): void {
    const { written } = this;
    if (position && written && written !== 'unknown' && isBefore(position, written)) return; // of two writes side by side
    this.written = position ?? 'unknown';
    this.onWritten(this.written);
  }
}

/** The memory of the current call; undefined where nothing has to be remembered. */
export function currentPositions(): CallPositions | undefined {
  return currentContext()?.positions;
}

function isBefore(a: WalPosition, b: WalPosition): boolean {
  return a.serverId === b.serverId && a.timeline === b.timeline && a.lsn < b.lsn;
}

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

/** Where a call has written. `unknown`: no server has answered where, and the write may be committed even later, so that no replica will do. */
export type WrittenPosition = WalPosition | 'unknown';
/** What a call requires of a replica. `unreadable`: what its caller has sent is no position of ours, and the primary's next one replaces it. */
export type RequiredPosition = WrittenPosition | 'unreadable';

/** Remembers for one call where its caller has last written: before the call, and in it. */
export class CallPositions {
  private written: WrittenPosition | undefined;
  private readBrought: () => RequiredPosition | undefined = () => undefined;
  private onWritten: (position: WrittenPosition) => void = () => undefined;

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
  attach(readBrought: () => RequiredPosition | undefined, onWritten: (position: WrittenPosition) => void): void {
    this.readBrought = readBrought;
    this.onWritten = onWritten;
  }

  /** Receives where the log stands after a write of the call. */
  readonly onPosition: OnPosition = (position, serverId) =>
    this.noteWritten(position === undefined || serverId === undefined ? undefined : parsePosition(serverId, position));

  /** The same for a read: where none is answered, it has written nothing all the same. */
  readonly onPositionOfRead: OnPosition = (position, serverId) => {
    if (position !== undefined) this.onPosition(position, serverId);
  };

  private noteWritten(position: WalPosition | undefined): void {
    const { written } = this;
    if (written === 'unknown') return; // that write may be committed behind every position that is answered from now on
    if (position && written && isBefore(position, written)) return; // of two writes side by side
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

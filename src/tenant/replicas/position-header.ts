import { Injectable } from '@nestjs/common';
import type {
  CallPositions,
  RequiredPosition,
  WrittenPosition,
} from '../../database/statements/positions/call-positions.js';
import { lsnText, parseLsn } from '../../database/statements/positions/wal-position.js';
import { type HttpRequest, type HttpResponse, nodeResponse } from '../../http/requests/http-request.js';
import { DecryptionError, KeyRing } from '../../platform/encryption/key-ring.js';
import { openMessage, sealMessage } from '../../platform/encryption/sealed-message.js';

/** Given with the answer to a write; sent back, what is read then has it. */
const POSITION_HEADER = 'x-tenantry-position';

const PURPOSE = 'tenantry/position/1';
/** More than any of ours has: the name of a key, and less than 150 bytes as base64url. */
const MAX_LENGTH = 256;
const UNKNOWN = 'unknown';
const UNREADABLE = 'unreadable';

/**
 * Tells clients where they have written, and learns it from them again. It is encrypted for one tenant, so that clients neither see
 * how much a server writes nor make up a position.
 */
@Injectable()
export class PositionHeader {
  constructor(private readonly ring: KeyRing) {}

  /** Before the request is handled. */
  attach(positions: CallPositions, request: HttpRequest, response: HttpResponse): void {
    const { tenantId } = positions;
    positions.attach(
      () => this.open(tenantId, request.headers[POSITION_HEADER]),
      (position) => {
        if (!nodeResponse(response).headersSent) void response.header(POSITION_HEADER, this.seal(tenantId, position));
      },
    );
  }

  seal(tenantId: string, position: WrittenPosition): string {
    const text = position === UNKNOWN ? UNKNOWN : `${position.serverId} ${position.timeline} ${lsnText(position.lsn)}`;
    return sealMessage(this.ring, text, purposeOf(tenantId));
  }

  /** What cannot be read, for whatever reason, says that its sender has written, and not where. */
  open(tenantId: string, header: string | string[] | undefined): RequiredPosition | undefined {
    if (header === undefined) return undefined;
    if (typeof header !== 'string' || header.length > MAX_LENGTH) return UNREADABLE;
    try {
      return parse(openMessage(this.ring, header, purposeOf(tenantId)));
    } catch (error) {
      if (error instanceof DecryptionError) return UNREADABLE;
      throw error;
    }
  }
}

function purposeOf(tenantId: string): string {
  return `${PURPOSE} ${tenantId}`;
}

function parse(text: string): RequiredPosition {
  if (text === UNKNOWN) return UNKNOWN;
  const [serverId = '', timeline = '', log = ''] = text.split(' ');
  const lsn = parseLsn(log);
  return lsn === undefined ? UNREADABLE : { serverId, timeline: Number(timeline), lsn };
}

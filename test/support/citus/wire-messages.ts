/** One message of PostgreSQL's protocol: its type, or '' for the first one of a client, and what follows the length. */
export interface Message {
  readonly type: string;
  readonly body: Buffer;
}

/** Cuts a byte stream into messages. @param started whether the first one, which has no type, is not expected any more */
export function messageCutter(started: boolean): (chunk: Buffer) => Message[] {
  let pending = Buffer.alloc(0);
  let head = started ? 1 : 0;
  return (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    const messages: Message[] = [];
    while (pending.length >= head + 4 && pending.length >= head + pending.readInt32BE(head)) {
      const end = head + pending.readInt32BE(head);
      messages.push({ type: pending.toString('latin1', 0, head), body: pending.subarray(head + 4, end) });
      pending = pending.subarray(end);
      head = 1;
    }
    return messages;
  };
}

export function toBytes({ type, body }: Message): Buffer {
  const head = Buffer.alloc(type.length + 4);
  head.write(type, 'latin1');
  head.writeInt32BE(body.length + 4, type.length);
  return Buffer.concat([head, body]);
}

/** The strings of a body that ends each with a zero byte: the name and text of a Parse, the text of a Query. */
export function stringAt(body: Buffer, from: number): { readonly text: string; readonly end: number } {
  const end = body.indexOf(0, from);
  return { text: body.toString('utf8', from, end), end };
}

import { io, type Socket } from 'socket.io-client';
import WebSocket from 'ws';

export interface Received {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** A client of the gateway, over socket.io or ws. */
export interface Client {
  readonly received: Received[];
  readonly isClosed: boolean;
  send(event: string, data: unknown): void;
  close(): void;
}

export type Platform = 'socket.io' | 'ws';

/** @param how the credential is sent: in a header of the handshake, as browsers can, or not at all */
export function connect(
  platform: Platform,
  url: string,
  key: string | undefined,
  how: 'header' | 'browser',
): Promise<Client> {
  return platform === 'ws' ? connectWs(url, key, how) : connectIo(url, key, how);
}

function connectIo(url: string, key: string | undefined, how: 'header' | 'browser'): Promise<Client> {
  const socket: Socket = io(url, {
    path: '/socket',
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
    ...(key && (how === 'header' ? { extraHeaders: { authorization: `Bearer ${key}` } } : { auth: { token: key } })),
  });
  const received: Received[] = [];
  socket.onAny((event: string, data: Record<string, unknown>) => received.push({ event, data }));
  const client = {
    received,
    isClosed: false,
    send: (event: string, data: unknown) => void socket.emit(event, data),
    close: () => void socket.close(),
  };
  socket.on('disconnect', () => (client.isClosed = true));
  return new Promise((resolve, reject) => socket.once('connect', () => resolve(client)).once('connect_error', reject));
}

function connectWs(url: string, key: string | undefined, how: 'header' | 'browser'): Promise<Client> {
  const address = `${url.replace('http', 'ws')}/socket${key && how === 'browser' ? `?token=${key}` : ''}`;
  const socket = new WebSocket(address, { headers: key && how === 'header' ? { authorization: `Bearer ${key}` } : {} });
  const received: Received[] = [];
  socket.on('message', (text) => received.push(JSON.parse(String(text)) as Received));
  const client = {
    received,
    isClosed: false,
    send: (event: string, data: unknown) => socket.send(JSON.stringify({ event, data }), () => undefined),
    close: () => socket.close(),
  };
  socket.on('close', () => (client.isClosed = true));
  return new Promise((resolve, reject) => socket.once('open', () => resolve(client)).once('error', reject));
}

// Two clients of the gateway, one with each tenant's key: prints what they receive.
import { once } from 'node:events';
import { io } from 'socket.io-client';

function connect(tenant, token) {
  const socket = io(process.env.URL ?? 'http://localhost:3000', { auth: { token }, reconnection: false });
  socket.onAny((event, { title, message }) => console.log(`${tenant} receives ${event}: ${title ?? message}`));
  return socket;
}

const acme = connect('acme', process.env.ACME);
const globex = connect('globex', process.env.GLOBEX);

const cards = await acme.emitWithAck('cards');
console.log(`acme has ${cards.length} open cards, globex has ${(await globex.emitWithAck('cards')).length}`);

globex.emit('finish', cards[0].id);
await once(globex, 'exception');

acme.emit('finish', cards[0].id);
await once(acme, 'finished');
console.log(`acme has ${(await acme.emitWithAck('cards')).length} open card`);

// What globex was sent until here would have arrived before this answer.
await globex.emitWithAck('cards');
acme.close();
globex.close();

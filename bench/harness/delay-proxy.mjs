// A process of its own: a TCP proxy that passes on what the server sends after a delay, as a network would.
// Arguments: host and port of the server, delay in ms. It reports its own port to the parent.
import { connect, createServer } from 'node:net';

const [host, port, delayMs] = process.argv.slice(2);

const proxy = createServer((client) => {
  const server = connect(Number(port), host);
  for (const socket of [client, server]) socket.setNoDelay(true).on('error', () => {});
  client.on('data', (chunk) => server.write(chunk));
  // Timers of one delay fire in the order in which they were set.
  server.on('data', (chunk) => setTimeout(() => client.write(chunk), Number(delayMs)));
  client.on('close', () => server.destroy());
  server.on('close', () => client.destroy());
});
proxy.listen(0, '127.0.0.1', () => process.send(proxy.address().port));
process.on('disconnect', () => process.exit());

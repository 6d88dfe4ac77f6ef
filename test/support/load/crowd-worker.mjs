// Clients that send one request after the other, in a process of their own so that they do not delay the test's.
import { Agent, request } from 'node:http';

const [url, apiKey, count] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
const answers = {};

function callAgain() {
  const call = request(url, { agent, headers: { authorization: `Bearer ${apiKey}` } }, (response) => {
    answers[response.statusCode] = (answers[response.statusCode] ?? 0) + 1;
    response.resume().on('end', callAgain);
  });
  call.on('error', () => setTimeout(callAgain, 100));
  call.end();
}

for (let n = 0; n < Number(count); n += 1) callAgain();
process.on('message', () => process.send?.(answers, () => process.exit()));
setTimeout(() => process.send?.('ready'), 3_000);

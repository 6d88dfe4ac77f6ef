// A neighbour of its own process: calls the URL with the key one request after another, until its input ends; then it prints
// the start (ms since the epoch) and duration (ms) of each.
import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

const [url, key] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const PAUSE_MS = 4;

process.stdin.resume();

const calls = [];
while (!process.stdin.readableEnded) {
  const began = performance.now();
  const status = await new Promise((resolve, reject) => {
    const call = get(url, { agent, headers: { authorization: `Bearer ${key}` } }, (response) => {
      response.on('end', () => resolve(response.statusCode)).resume();
    });
    call.on('error', reject);
  });
  calls.push([performance.timeOrigin + began, performance.now() - began, status]);
  await delay(PAUSE_MS);
}
agent.destroy();
process.stdout.write(JSON.stringify(calls));

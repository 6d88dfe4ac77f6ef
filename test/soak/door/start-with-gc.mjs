// Starts the compiled application; SIGUSR2 collects its garbage and prints the bytes of heap in use.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
let measured = 0;
process.on('SIGUSR2', () => {
  collect();
  collect();
  measured += 1;
  process.stdout.write(`heap ${measured}: ${process.memoryUsage().heapUsed + process.memoryUsage().external} bytes\n`);
});

await import(new URL('../../../dist/main.js', import.meta.url).href);

import { fork } from 'node:child_process';
import { once } from 'node:events';

const PROXY = new URL('./delay-proxy.mjs', import.meta.url);

/** Starts a proxy in front of the server. @returns what turns a URL of the server into one of the proxy */
export async function delayServer({ superuserUrl }, delayMs, cleanup) {
  const { hostname, port } = new URL(superuserUrl);
  const proxy = fork(PROXY, [hostname, port, String(delayMs)], { detached: true }); // not ended by Ctrl-C before its clients
  cleanup.add(() => proxy.disconnect());
  const [ownPort] = await once(proxy, 'message', { signal: AbortSignal.timeout(10_000) });
  return (url) => {
    const through = new URL(url);
    Object.assign(through, { hostname: '127.0.0.1', port: String(ownPort) });
    return through.href;
  };
}

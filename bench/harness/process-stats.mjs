import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Linux only: on other systems the CPU and memory columns stay empty. */
const HAS_PROC = process.platform === 'linux';
const TICK_MS = HAS_PROC ? 1000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) : undefined;

/** CPU time of a process in ms, over all its threads, including children that have exited and been waited for. */
export function cpuMs(pid) {
  if (!HAS_PROC) return Number.NaN;
  const { own, waited } = read(pid);
  return own + waited;
}

/**
 * CPU time of a process and all its descendants in ms. The CPU time of a child that has exited is added to its
 * parent's, so short-lived connections are counted, too.
 */
export function treeCpuMs(root) {
  if (!HAS_PROC) return Number.NaN;
  const stats = allStats();
  let total = 0;
  for (const [pid, stat] of stats) {
    if (stat && descends(pid, root, stats)) total += stat.own + stat.waited;
  }
  return total;
}

/** Resident memory of a process and all its descendants, in bytes: an instance with workers is several processes. */
export function treeRssBytes(root) {
  return processTree(root).reduce((sum, pid) => sum + rssBytes(pid), 0);
}

/** Resident memory in bytes. */
export function rssBytes(pid) {
  if (!HAS_PROC) return Number.NaN;
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kb) * 1024;
}

/** The ids of a process and all its descendants, the process itself first. */
export function processTree(root) {
  if (!HAS_PROC) return [root];
  const stats = allStats();
  const below = [...stats.keys()].filter((pid) => pid !== root && descends(pid, root, stats));
  return [root, ...below.toSorted((a, b) => a - b)];
}

function allStats() {
  const stats = new Map();
  for (const entry of readdirSync('/proc')) {
    if (/^\d+$/.test(entry)) stats.set(Number(entry), tryRead(Number(entry)));
  }
  return stats;
}

function descends(pid, root, stats) {
  for (let at = pid; at > 1; at = stats.get(at)?.parent ?? 0) if (at === root) return true;
  return false;
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html; the name in parentheses may hold spaces. */
function read(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ms = (...at) => at.reduce((sum, n) => sum + Number(fields[n - 3]), 0) * TICK_MS;
  return { parent: Number(fields[1]), own: ms(14, 15), waited: ms(16, 17) };
}

function tryRead(pid) {
  try {
    return read(pid);
  } catch {
    return undefined; // the process has exited since the listing
  }
}

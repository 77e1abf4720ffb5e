// Whether something else used the cores while we measured: other programs, or on a virtual machine its neighbours.
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';

/** Clock ticks a second in /proc, on every Linux that Node.js runs on. */
const TICKS = 100;
/** Cores, or parts of one, that others may use without a word: a machine is never quite idle. */
const OTHERS = 0.15;
const STOLEN = 0.05;
/** Where there is no /proc: the load average that says that somebody is busy already. */
const BUSY = 0.5;

/** A reading: seconds of all cores together since the machine started, and of this process with its children that have ended. */
export function readLoad() {
  try {
    return {
      at: performance.now() / 1000,
      ...parseStat(readFileSync('/proc/stat', 'utf8')),
      own: parseOwn(readFileSync('/proc/self/stat', 'utf8')),
    };
  } catch {
    return undefined;
  }
}

/** Seconds that all cores were busy (not idle and not waiting for a disk), and that the host gave to somebody else. */
export function parseStat(text) {
  const [user, nice, system, , , irq, softirq, steal = 0] = /^cpu +(.*)$/m.exec(text)[1].split(' ').map(Number);
  return { busy: (user + nice + system + irq + softirq) / TICKS, steal: steal / TICKS };
}

/** Seconds of a process in the user's and the system's code, and of its children that were waited for. The name may contain anything. */
export function parseOwn(text) {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS;
}

/** What others used between two readings, in cores; null where the system does not say. */
export function othersBetween(before, after) {
  if (before === undefined || after === undefined) return null;
  const seconds = after.at - before.at;
  const busy = after.busy - before.busy - (after.own - before.own);
  const cores = (used) => (seconds < 0.5 ? 0 : Math.max(0, used / seconds));
  return { others: cores(busy), stolen: cores(after.steal - before.steal) };
}

/** What others used where it was too much for figures to be believed, else null. */
export function complaintAbout(load) {
  if (load === null) return null;
  const parts = [];
  if (load.others > OTHERS) parts.push(`${load.others.toFixed(1)} cores`);
  if (load.stolen > STOLEN) parts.push(`the host ${load.stolen.toFixed(2)}`);
  return parts.length === 0 ? null : parts.join(', and ');
}

/** Said before anything is measured, where there is no /proc to look at later. */
export function complaintBefore(averages = loadavg()) {
  return averages[0] > BUSY ? `the load average is ${averages[0].toFixed(1)} before anything is measured` : null;
}

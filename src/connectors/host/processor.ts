import { cpus, freemem, loadavg, platform, totalmem } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { memoryUsage } from 'node:process';

import { type Gauge, type Machine, readSystemFile, type TakeReading } from './gauge.ts';

interface CpuTimes {
  readonly idle: number;
  readonly total: number;
}

/** The share of the time since the last read that each core was busy. */
export async function cpuGauge(machine: Machine): Promise<Gauge> {
  const times = async (): Promise<CpuTimes[]> => {
    // Reading /proc/stat is many times cheaper than `os.cpus()`, which reads /proc/cpuinfo too.
    const text = await readSystemFile(machine, '/proc/stat');
    return text === undefined ? systemCpuTimes() : parseCpuTimes(text);
  };
  let before = await times();
  return {
    async read(take) {
      const now = await times();
      for (const [core, { idle, total }] of now.entries()) {
        const passed = total - (before[core]?.total ?? total);
        const idled = idle - (before[core]?.idle ?? idle);
        // The kernel counts in steps of 10 ms: between two of them nothing is known.
        if (passed > 0) take(`cpu-${core}`, share(passed - idled, passed), '%');
      }
      before = now;
    },
  };
}

function systemCpuTimes(): CpuTimes[] {
  return cpus().map(({ times: { user, nice, sys, idle, irq } }) => ({
    idle,
    total: user + nice + sys + idle + irq,
  }));
}

/** Lines `cpu0 user nice system idle iowait irq softirq steal guest guest_nice`; guests are in user. */
function parseCpuTimes(text: string): CpuTimes[] {
  const lines = text.split('\n').filter((line) => /^cpu\d/.test(line));
  return lines.map((line) => {
    const times = line.split(/\s+/).slice(1, 9).map(Number);
    return { idle: times[3]! + (times[4] ?? 0), total: times.reduce((sum, time) => sum + time, 0) };
  });
}

/** Processes that run or wait to, averaged over 1, 5 and 15 minutes. Windows does not tell. */
export function loadGauge(): Gauge | undefined {
  if (platform() === 'win32') return undefined;
  return {
    read(take) {
      for (const [at, load] of loadavg().entries())
        take(`load-${['1m', '5m', '15m'][at]!}`, load, '1');
    },
  };
}

/** Memory of the machine and of this process. */
export function memoryGauge(): Gauge {
  return {
    read(take) {
      const total = totalmem();
      const used = total - freemem();
      take('mem-used', used, 'B');
      take('mem-used-share', share(used, total), '%');
      take('process-mem', memoryUsage.rss(), 'B');
    },
  };
}

const loopResolutionMs = 10;

/** How late timers of this process are, since the last read. */
export function loopGauge(): Gauge {
  const histogram = monitorEventLoopDelay({ resolution: loopResolutionMs });
  histogram.enable();
  // It counts the time between two of its own timers, of which only the excess is delay.
  const delayMs = (nanoseconds: number): number =>
    Math.max(0, nanoseconds / 1e6 - loopResolutionMs);
  const readDelay = (take: TakeReading): void => {
    if (histogram.count > 0) {
      take('loop-delay-mean', delayMs(histogram.mean), 'ms');
      take('loop-delay-max', delayMs(histogram.max), 'ms');
    }
    histogram.reset();
  };
  return { read: readDelay, close: () => void histogram.disable() };
}

function share(part: number, whole: number): number {
  return Math.min(100, Math.max(0, (100 * part) / whole));
}

import type { Observed } from './run.ts';

const levels = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'];

interface StageSummary {
  readonly name: string;
  /** Records in and out per second of its work, over all batches. */
  readonly inPerSecond: number;
  readonly throughput: number;
  readonly p95Ms: number;
}

function summariesOf({ registry }: Observed): StageSummary[] {
  return registry.report().stages.map((stage) => ({
    name: stage.name,
    inPerSecond: ((stage.in ?? 0) * 1000) / (stage.busyMs ?? Infinity),
    throughput: stage.throughput ?? 0,
    p95Ms: stage.p95Ms ?? 0,
  }));
}

function openingsLogged({ lines }: Observed): number {
  return lines.filter((line) => line.event === 'circuit_state_change' && line['state'] === 'open')
    .length;
}

/** The stage of which a figure is the least. */
function leastOf(stages: readonly StageSummary[], figure: (stage: StageSummary) => number): string {
  return stages.toSorted((a, b) => figure(a) - figure(b))[0]!.name;
}

/** What log, metrics, health and breaker say together. */
export function printReport(run: Observed): void {
  const counts = levels.map(
    (name) => `${name} ${run.lines.filter(({ level }) => level === name).length}`,
  );
  console.log(`Log: ${counts.join(', ')}`);
  console.log('stage         out/s      p95');
  for (const { name, throughput, p95Ms } of summariesOf(run)) {
    const columns = [throughput.toFixed(0).padStart(11), `${p95Ms.toFixed(0)} ms`.padStart(9)];
    console.log(name.padEnd(8) + columns.join(''));
  }
  const lastTen = run.reports
    .slice(-10)
    .map(({ recordsOut, busyMs }) => (recordsOut * 1000) / busyMs);
  const mean = lastTen.reduce((sum, rate) => sum + rate) / lastTen.length;
  console.log(`Mean throughput of the last ten batches: ${mean.toFixed(0)} records/s`);
  const healthy = run.reports.filter(({ status }) => status === 'HEALTHY').length;
  const ratio = (100 * healthy) / run.reports.length;
  console.log(`Healthy: ${healthy} of ${run.reports.length} batches, ${ratio.toFixed(0)} %`);
  console.log(
    `The breaker opened ${run.breaker.metrics.openCount} times; ${openingsLogged(run)} are logged`,
  );
  console.log(run.histogram);
}

/** Where the tools do not agree, or what happened is not what was meant to happen. */
export function findDiscrepancies(run: Observed): string[] {
  const found = [...run.faults];
  const stages = summariesOf(run);
  const bottleneck = leastOf(stages, ({ inPerSecond }) => inPerSecond);
  const slowest = leastOf(stages, ({ p95Ms }) => -p95Ms);
  if (bottleneck !== slowest) {
    found.push(`the bottleneck is ${bottleneck}, and the highest p95 is that of ${slowest}`);
  }
  const { openCount } = run.breaker.metrics;
  if (openCount !== openingsLogged(run)) {
    found.push(`the breaker opened ${openCount} times, ${openingsLogged(run)} openings are logged`);
  }
  const degraded = run.reports.filter(({ status }) => status === 'DEGRADED');
  const logged = run.lines.filter((line) => line['status'] === 'DEGRADED').length;
  if (degraded.length !== logged) {
    found.push(`${degraded.length} batches were degraded, ${logged} are logged so`);
  }
  if (openCount < 2) found.push(`the breaker opened ${openCount} times, and was to open twice`);
  if (run.breaker.state !== 'closed') found.push(`the breaker ended ${run.breaker.state}`);
  return found;
}

// Imported before the program that is measured: as that ends, its peak memory in KiB is noted.
import { writeFileSync } from 'node:fs';
import process from 'node:process';

process.on('exit', () => {
  writeFileSync(process.env['MILLRACE_BENCH_PEAK']!, String(process.resourceUsage().maxRSS));
});

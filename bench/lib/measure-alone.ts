// The process in which one measure runs: `measure-alone.ts ID DIRECTORY [--quick]`. It writes its
// samples as JSON.
import process from 'node:process';

import { measures } from '../measures.ts';

const [id, directory = '', option] = process.argv.slice(2);
const measure = measures.find((one) => one.id === id)!;
try {
  const samples = await measure.run({ directory, quick: option === '--quick' });
  process.stdout.write(JSON.stringify(samples));
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

import { spawnSync } from 'node:child_process';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';

// `millrace validate mistakes.yaml`, as a script would call it.
const manifest = import.meta.resolve('millrace/package.json');
const millrace = fileURLToPath(new URL('bin/millrace.cjs', manifest));
const { status, stdout, stderr } = spawnSync(execPath, [millrace, 'validate', 'mistakes.yaml'], {
  cwd: import.meta.dirname,
  encoding: 'utf8',
});
console.log(stdout + stderr);
console.log(`exit code ${status}`);

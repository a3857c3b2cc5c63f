import process from 'node:process';

import fc from 'fast-check';

// By day a property is tried on the same cases each time, so that what fails is what was changed;
// by night each run takes cases of its own.
if (!process.env['MILLRACE_NIGHTLY']) fc.configureGlobal({ seed: 1 });

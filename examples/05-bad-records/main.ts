import { basename, join } from 'node:path';

import { deadLetterSchema, fileSource, filter, memorySink, pipeline, schema } from 'millrace';

const readings = schema({
  sensorId: 'category',
  timestamp: 'timestamp',
  value: 'float64',
  note: 'text?',
});
const good = memorySink({ schema: readings });
const dead = memorySink({ schema: deadLetterSchema });

const path = join(import.meta.dirname, 'readings.ndjson');
const report = await pipeline('bad-records')
  // Without this line they go to a file, and the command line says where it is.
  .deadLetters(dead)
  .from(fileSource({ path, schema: readings }))
  // A function of one's own may fail as well: that costs its row, never the batch.
  .pipe(filter((row) => row.value > 0 && (row.note === null || JSON.parse(row.note) !== 'skip')))
  .to(good)
  .run();

console.log('delivered');
for (const { sensorId, timestamp, value } of good.rows) {
  console.log(`  ${new Date(timestamp).toISOString()} ${sensorId} ${value}`);
}

console.log('\ndead letters');
for (const letter of dead.rows) {
  const { partition, position, component, reason, message, record, recordEncoding } = letter;
  // What is no UTF-8 is kept as base64, so that nothing of it is lost.
  const shown = recordEncoding === 'utf8' ? record : `${recordEncoding} ${record}`;
  console.log(`  ${basename(partition)}, byte ${position}: ${shown.slice(0, 66)}`);
  console.log(`    ${component}: ${reason}: ${message}`);
}

console.log('\nevery record has one end');
for (const { kind, id, in: rowsIn, out, dropped, dead: died } of report.components) {
  console.log(`  ${kind} ${id}: ${rowsIn} in = ${out} out + ${dropped} dropped + ${died} dead`);
}
console.log('  and counted in the file:', report.components[0]?.counts);

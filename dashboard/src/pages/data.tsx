import type { DataList, DataSeries } from '../../../src/server/api-types.ts';
import { useDocument } from '../documents.ts';
import { count, timeOf, withUnit } from '../format.ts';
import { Card } from '../parts/card.tsx';
import { Chart } from '../parts/chart.tsx';
import type { Line } from '../parts/chart-values.ts';
import { Empty } from '../parts/empty.tsx';
import { Table } from '../parts/table.tsx';
import { route, show } from '../route.ts';
import { session } from '../session.ts';

/** One number field of what a sink is given, over the last minutes. */
export function DataPage(): preact.JSX.Element {
  const { value: list, refused } = useDocument<DataList>('data', 10_000).value;
  const { query } = route.value;
  const sink = list?.sinks.find(({ id }) => id === query.get('sink')) ?? list?.sinks[0];
  const mayAsk = ({ sensitive }: { sensitive: boolean }): boolean =>
    !sensitive || session.value === 'admin';
  const field =
    sink?.fields.find(({ name }) => name === query.get('field')) ?? sink?.fields.find(mayAsk);
  // Values of several may be of different things: one of them says more than all.
  const key = query.has('all')
    ? undefined
    : (sink?.keys.find((one) => one === query.get('key')) ?? sink?.keys[0]);
  if (list === undefined || sink === undefined || field === undefined) {
    return (
      <>
        <h1>Data</h1>
        {list === undefined ? (
          <Empty refused={refused} what="data" />
        ) : (
          <p>No sink of this run is given numbers that you may see.</p>
        )}
      </>
    );
  }
  return (
    <>
      <h1>Data</h1>
      <div class="row card">
        <label class="row">
          What comes to
          <select
            value={sink.id}
            onChange={({ currentTarget: { value } }) => show({ sink: value })}
          >
            {list.sinks.map(({ id }) => (
              <option key={id}>{id}</option>
            ))}
          </select>
        </label>
        <label class="row">
          Field
          <select
            value={field.name}
            onChange={({ currentTarget: { value } }) => show({ sink: sink.id, field: value })}
          >
            {sink.fields.map((one) => (
              <option key={one.name} value={one.name} disabled={!mayAsk(one)}>
                {one.name}
                {one.sensitive ? ' (sensitive)' : ''}
              </option>
            ))}
          </select>
        </label>
        {sink.by !== null && (
          <label class="row">
            {sink.by}
            {/* By their numbers: a key may be an empty text. */}
            <select
              value={key === undefined ? -1 : sink.keys.indexOf(key)}
              onChange={({ currentTarget: { value } }) => {
                const picked = sink.keys[Number(value)];
                const of = picked === undefined ? { all: '' } : { key: picked };
                show({ sink: sink.id, field: field.name, ...of });
              }}
            >
              {sink.keys.map((one, at) => (
                <option key={one} value={at}>
                  {one}
                </option>
              ))}
              <option value={-1}>all of them</option>
            </select>
          </label>
        )}
        {sink.keysLeftOut > 0 && (
          <span class="quiet">
            {count(sink.keysLeftOut)} more can be seen among all of them only
          </span>
        )}
        {sink.fieldsLeftOut > 0 && (
          <span class="quiet">{count(sink.fieldsLeftOut)} fields more are not kept</span>
        )}
      </div>
      {mayAsk(field) ? (
        <Field
          by={sink.by}
          key={`${sink.id} ${field.name} ${key}`}
          query={{ sink: sink.id, field: field.name, ...(key !== undefined && { key }) }}
        />
      ) : (
        <p class="card">This field is sensitive: its values are for an admin.</p>
      )}
    </>
  );
}

/** What is asked for: of all that comes to the sink, or of one key. */
interface Query {
  readonly sink: string;
  readonly field: string;
  readonly key?: string;
}

function Field({
  query,
  by: keyName,
}: {
  readonly query: Query;
  readonly by: string | null;
}): preact.JSX.Element {
  const { sink, field, key } = query;
  const asked = new URLSearchParams({ ...query }).toString();
  const { value: series, refused } = useDocument<DataSeries>(`data?${asked}`, 2000).value;
  if (series === undefined) return <Empty refused={refused} what="data" />;
  const { at, min, max, mean, last, anomalies, unit = '' } = series;
  const shown = (value: number): string => withUnit(value, unit);
  const { key: _, ...all } = query;
  if (at.length === 0) return <p class="card quiet">Nothing has come to {sink} yet.</p>;
  const lines: readonly Line[] = [
    { label: 'greatest', values: max, colour: 'flow-2' },
    { label: 'mean', values: mean, colour: 'flow' },
    { label: 'least', values: min, colour: 'flow-3' },
  ];
  return (
    <>
      <div class="card">
        <Chart
          title={key === undefined ? `${field}, to ${sink}` : `${field} of ${key}, to ${sink}`}
          at={at}
          format={shown}
          height={320}
          isFree
          lines={[
            ...(key === undefined ? lines : [{ label: 'last', values: last, colour: 'flow' }]),
            { label: 'anomaly', values: marksOf(series), colour: 'bad', isPoints: true },
          ]}
        />
        <p class="quiet">
          By the second, of large batches some rows. Of anomalies the newest 500 are kept
          {anomalies[0] !== undefined && `, the first here of ${timeOf(anomalies[0].at)}`}.
        </p>
      </div>
      <Card
        title={key === undefined ? 'Anomalies, newest first' : `Anomalies of ${key}, newest first`}
      >
        {key !== undefined && (
          <p class="quiet">
            Of one {keyName} only.{' '}
            <button type="button" onClick={() => show({ ...all, all: '' })}>
              Show all of them
            </button>
          </p>
        )}
        {anomalies.length === 0 ? (
          <p class="quiet">None was found.</p>
        ) : (
          <Table
            label="Anomalies"
            heads={['', '', '#']}
            rows={anomalies
              .slice(-shownMax)
              .toReversed()
              .map(({ at: when, value, by = '' }, index) => [
                `${when} ${index}`,
                timeOf(when),
                by,
                shown(value),
              ])}
          />
        )}
      </Card>
    </>
  );
}

const shownMax = 50;

/** The anomaly of each second that is furthest out. */
function marksOf({ at, everyMs, mean, anomalies }: DataSeries): (number | null)[] {
  const marks = at.map((): number | null => null);
  const first = at[0]!;
  for (const { at: when, value } of anomalies) {
    const index = Math.floor((when - first) / everyMs);
    const present = marks[index];
    if (present === undefined) continue;
    const middle = mean[index] ?? value;
    if (present === null || Math.abs(value - middle) > Math.abs(present - middle)) {
      marks[index] = value;
    }
  }
  return marks;
}

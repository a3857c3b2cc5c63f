import type { HistorySpan } from '../../../src/server/api-types.ts';
import { spans } from '../history.ts';
import { route, show } from '../route.ts';

/** The span of time that the address asks for: what every chart of the page shows. */
export function spanOf(): HistorySpan {
  const asked = route.value.query.get('span');
  return spans.find(({ span }) => span === asked)?.span ?? '5m';
}

/** Picks the span of time that the page shows. */
export function SpanPicker(): preact.JSX.Element {
  const present = spanOf();
  return (
    <div class="picker" role="group" aria-label="How far back">
      {spans.map(({ span, title }) => (
        <button
          key={span}
          type="button"
          aria-pressed={span === present}
          onClick={() => show({ ...Object.fromEntries(route.peek().query), span })}
        >
          {title}
        </button>
      ))}
    </div>
  );
}

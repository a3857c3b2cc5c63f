/** A server-sent event. */
export interface ServerEvent {
  readonly type: string;
  readonly data: string;
}

/** Characters of one event: the figures of hundreds of components are a million or two. */
const charactersMax = 2 ** 24;

/**
 * The events of a stream, as they come; comments are left out. `heard`: called whenever anything
 * comes, be it a comment. Throws where it goes on without an end of an event.
 */
export async function* serverEvents(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  heard: () => void,
): AsyncGenerator<ServerEvent> {
  let lines: string[] = [];
  let rest = '';
  let held = 0;
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    heard();
    const parts = (rest + text).split('\n');
    rest = parts.pop()!;
    for (const line of parts) {
      if (line !== '') lines.push(line);
      else {
        const event = eventOf(lines);
        lines = [];
        held = 0;
        if (event !== undefined) yield event;
      }
    }
    held += text.length;
    if (held > charactersMax) throw new Error('it sends one event without an end');
  }
}

function eventOf(lines: readonly string[]): ServerEvent | undefined {
  const valueOf = (field: string): string | undefined =>
    lines.find((line) => line.startsWith(`${field}: `))?.slice(field.length + 2);
  const [type, data] = [valueOf('event'), valueOf('data')];
  return type === undefined || data === undefined ? undefined : { type, data };
}

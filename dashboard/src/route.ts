import { computed, signal } from '@preact/signals';

/** Every page, in the order in which they are listed. */
export const pages = [
  { name: 'overview', title: 'Overview' },
  { name: 'resilience', title: 'Resilience' },
  { name: 'alerts', title: 'Alerts' },
  { name: 'logs', title: 'Logs' },
  { name: 'data', title: 'Data' },
  { name: 'manifest', title: 'Manifest' },
  { name: 'operate', title: 'Operate' },
] as const;

export type PageName = (typeof pages)[number]['name'] | 'stage';

export interface Route {
  readonly page: PageName;
  /** What the page is about: the id of a component. */
  readonly of: string;
  /** What it shows of that. */
  readonly query: URLSearchParams;
}

const fragment = signal(location.hash);
addEventListener('hashchange', () => (fragment.value = location.hash));

/** Where the reader is. */
export const route = computed((): Route => routeOf(fragment.value));

function routeOf(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [name = '', of = ''] = path.split('/');
  const page = name === 'stage' ? 'stage' : pages.find((one) => one.name === name)?.name;
  return { page: page ?? 'overview', of: textOf(of), query: new URLSearchParams(query) };
}

function textOf(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a page, and of what it shows. */
export function addressOf(
  page: PageName,
  of: string = '',
  query: Readonly<Record<string, string>> = {},
): string {
  const name = page === 'overview' ? '' : page;
  const search = new URLSearchParams(query).toString();
  const path = of === '' ? name : `${name}/${encodeURIComponent(of)}`;
  return `#/${path}${search === '' ? '' : `?${search}`}`;
}

/** Goes there, without a step back where only what the page shows is another. */
export function show(query: Readonly<Record<string, string>>): void {
  const { page, of } = route.peek();
  goTo(addressOf(page, of, query));
}

/** Takes a fragment in place of the one that is there. */
export function goTo(hash: string): void {
  history.replaceState(null, '', location.pathname + hash);
  fragment.value = location.hash;
}

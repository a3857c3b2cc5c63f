import type { Health } from '../../../src/observe/health.ts';
import type { RunStatus } from '../../../src/observe/snapshot.ts';
import { count } from '../format.ts';
import { alerts, awayMs, health, isOver, snapshot } from '../live.ts';

export type Mood = 'good' | 'warn' | 'bad' | 'quiet';

/** How the pipeline is, in one word, and how bad that is. */
export function wordOf(
  judged: Health | undefined,
  status: RunStatus | undefined,
): { readonly word: string; readonly mood: Mood } {
  if (judged === undefined || status === undefined) return { word: '…', mood: 'quiet' };
  // How it was last says nothing of now, unless that was its end.
  if (awayMs.value > 0 && !isOver.value) return { word: 'no answer', mood: 'bad' };
  if (status === 'failed' || status === 'aborted' || status === 'not-drained') {
    return { word: status.replace('-', ' '), mood: 'bad' };
  }
  if (isOver.value) return { word: status, mood: status === 'done' ? 'good' : 'quiet' };
  if (!judged.alive) return { word: 'stalled', mood: 'bad' };
  if (judged.recovering) return { word: 'recovering', mood: 'warn' };
  if (judged.degraded) return { word: 'degraded', mood: 'bad' };
  if (judged.overloaded) return { word: 'overloaded', mood: 'warn' };
  if (status === 'running') return alarmedOf('healthy');
  return { word: status, mood: 'quiet' };
}

/** What is well by itself, with the alerts that fire all the same. */
function alarmedOf(word: string): { readonly word: string; readonly mood: Mood } {
  const firing = (alerts.value?.active ?? []).filter(({ state }) => state === 'firing');
  if (firing.length === 0) return { word, mood: 'good' };
  const { length: critical } = firing.filter(({ severity }) => severity === 'CRITICAL');
  const shown = critical || firing.length;
  const kind = critical > 0 ? 'critical alert' : 'alert';
  return {
    word: `${word}, ${count(shown)} ${kind}${shown === 1 ? '' : 's'}`,
    mood: critical > 0 ? 'bad' : 'warn',
  };
}

/** The word, for the top of each page. */
export function HealthWord(): preact.JSX.Element {
  const { word, mood } = wordOf(health.value, snapshot.value?.status);
  return (
    <span class={`word ${mood}`} role="status">
      {word}
    </span>
  );
}

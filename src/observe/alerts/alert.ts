/** How bad it is: to be looked at, or at once. */
export type AlertSeverity = 'WARNING' | 'CRITICAL';

/** Where an alert stands. A pending one is bad, but not for long enough yet. */
export type AlertState = 'pending' | 'firing' | 'resolved';

/** An alert as it was when it was looked at. Times are wall times in milliseconds. */
export interface Alert {
  /** The rule's name. */
  readonly rule: string;
  readonly summary: string;
  /** The component that it is about; empty for the run. */
  readonly component: string;
  readonly state: AlertState;
  /** The worst that it has been. */
  readonly severity: AlertSeverity;
  /** Since when it has been bad, has fired, is well again. */
  readonly sinceMs: number;
  readonly firedMs?: number;
  readonly resolvedMs?: number;
  /** The figure, and the limit that it has passed or will pass. */
  readonly value: number;
  readonly limit: number;
  readonly unit: string;
  /** Milliseconds until the highest limit is reached, where it has not been yet and that is known. */
  readonly leftMs?: number;
  /** Why, with figures, for people. */
  readonly text: string;
  /** What it last fired with, at first or when it got worse; not there while it is pending. */
  readonly fired?: Pick<Alert, 'severity' | 'value' | 'limit' | 'text'>;
}

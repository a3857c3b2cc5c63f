/** What became of the items of one signal: spans, or data points. */
export interface ExportCounts {
  /** Taken by the receiver. */
  sent: number;
  /** Given up: the receiver was not there, or too slow, or said no. */
  failed: number;
  /** Refused by the receiver that took the others. */
  rejected: number;
  /** Never offered: the queue was full, or the time at the end too short. */
  dropped: number;
}

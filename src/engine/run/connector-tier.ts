import type { Settings } from '../description.ts';
import type { TierParts } from '../resources/tier-life.ts';

/** A connector with its loop, as it is opened and closed. */
export interface OpenableConnector {
  /** Of the component. */
  readonly id: string;
  /** Settles when the connector itself does, also where that was given up meanwhile. */
  open(signal: AbortSignal): Promise<void>;
  /** Resolves when the run goes on before it is open: what it is given waits with it. */
  readonly waits: Promise<void>;
  /** Called once, also where it was never open, and again where it opens after that. */
  close(): Promise<void>;
}

/** The tier of a connector. It exists before it is open. */
export function connectorTier(
  connector: OpenableConnector,
  { openMsMax, closeMsMax }: Settings,
): TierParts<void> {
  return {
    name: connector.id,
    open: (signal) => connector.open(signal),
    close: () => connector.close(),
    openMsMax,
    closeMsMax,
    made: { resource: undefined },
    waits: connector.waits,
  };
}

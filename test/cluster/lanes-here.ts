import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';

import type { LaneWorkers } from '../../src/cluster/lane-workers.ts';
import type { LaneOrigin, LaneSettings } from '../../src/cluster/messages.ts';
import { serveLane } from '../../src/cluster/serve-lane.ts';
import type { Plan } from '../../src/engine/planned.ts';

/** Lanes that have no threads of their own, for many short runs: all else is as it is on threads. */
export function lanesHere(plan: Plan): LaneWorkers {
  const take = (): Worker => {
    const { port1, port2 } = new MessageChannel();
    let peers: readonly (MessagePort | null)[] = [];
    port2.once('message', (settings: LaneSettings) => (peers = settings.peers));
    serveLane(port2, () => Promise.resolve(plan));
    return Object.assign(port1, {
      performance: { eventLoopUtilization: () => ({ idle: 0, active: 0, utilization: 0 }) },
      terminate: () => {
        for (const port of [port1, ...peers]) port?.close();
        return Promise.resolve(0);
      },
    }) as unknown as Worker;
  };
  return { take, begin: () => {}, end: () => {} } as unknown as LaneWorkers;
}

/** They have the very plan, and import nothing. */
export const planHere: LaneOrigin = { module: 'here', name: 'plan' };

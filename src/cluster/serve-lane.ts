import type { MessagePort } from 'node:worker_threads';

import type { Plan } from '../engine/planned.ts';
import { errorMessage } from './error-message.ts';
import { Lane } from './lane.ts';
import type { FromLane, LaneSettings, ToLane, ToPeer } from './messages.ts';

/** Gives the plan that a lane does the work of. */
export type PlanLane = (settings: Pick<LaneSettings, 'index' | 'pipeline'>) => Promise<Plan>;

/**
 * Does the work of a lane on this thread: what comes over the port, one after the other. What comes
 * first are its settings.
 */
export function serveLane(port: MessagePort, planOf: PlanLane): void {
  port.once('message', (settings: LaneSettings) => serve(port, settings, planOf));
}

function serve(port: MessagePort, settings: LaneSettings, planOf: PlanLane): void {
  const post = (message: FromLane, transferList: ArrayBuffer[] = []): void =>
    port.postMessage(postable(message), transferList);
  let failed = false;
  const lane = open(settings, planOf, post);
  let turn: Promise<void> = lane.then(() => post({ type: 'ready' }));
  const inTurn = (work: (lane: Lane) => Promise<void>): void => {
    turn = turn.then(async () => {
      if (!failed) await work(await lane);
    });
    turn = turn.catch((error: unknown) => {
      // Said once; the run ends this thread.
      if (!failed) post({ type: 'failed', error: errorMessage(error) });
      failed = true;
    });
  };
  inTurn(() => Promise.resolve());
  port.on('message', (message: ToLane) => inTurn((one) => one.take(message)));
  for (const [from, peer] of settings.peers.entries()) {
    peer?.on('message', (message: ToPeer) => inTurn((one) => one.takeFromPeer(from, message)));
  }
}

async function open(
  settings: LaneSettings,
  planOf: PlanLane,
  post: (message: FromLane, transferList?: ArrayBuffer[]) => void,
): Promise<Lane> {
  const plan = await planOf(settings);
  const postToPeer = (peer: number, message: ToPeer, transferList: ArrayBuffer[]): void =>
    settings.peers[peer]!.postMessage(message, transferList);
  const lane = new Lane({ plan, settings, post, postToPeer });
  await lane.open();
  return lane;
}

/** A line may hold what no other thread can have. */
function postable(message: FromLane): FromLane {
  if (message.type !== 'log' || message.fields === undefined) return message;
  const fields = Object.entries(message.fields).map(([name, value]): [string, unknown] => [
    name,
    typeof value === 'function' || typeof value === 'symbol' ? String(value) : value,
  ]);
  return { ...message, fields: Object.fromEntries(fields) };
}

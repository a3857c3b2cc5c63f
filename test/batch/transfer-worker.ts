import { parentPort } from 'node:worker_threads';

import { type BatchMessage, BatchReceiver, BatchSender } from '../../src/batch/transfer.ts';

/** Sends every batch back, with what it has learnt of dictionaries. */
const receiver = new BatchReceiver();
const sender = new BatchSender();

parentPort!.on('message', (message: BatchMessage) => {
  const batch = receiver.fromMessage(message);
  const answer = sender.toMessage(batch);
  parentPort!.postMessage(answer.message, answer.transferList);
});

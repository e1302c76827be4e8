/** Taking turns in the worker: long work lets other requests in between its batches. */

const channel = new MessageChannel();

/** @type {((value?: unknown) => void)[]} */
const waiting = []; // several requests may be at work: each message is for one of them

channel.port1.onmessage = () => waiting.shift()?.();

/** Let messages that wait be handled first; a timer would wait for 4 ms. */
export const otherMessages = () =>
  new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(null);
  });

// `sentiment` of sentiment.js in a worker, so that the page does not stand still meanwhile.

const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });

// Its first message. Without it, what is sent to the worker would never be answered.
const started = new Promise((resolve, reject) => {
  worker.onmessage = resolve;
  worker.onerror = ({ message }) => reject(new Error(message || "the worker, or what it imports, cannot be loaded"));
});

/** @type {typeof import("./sentiment.js").sentiment} */
export async function sentiment(texts) {
  const strings = Array.from(texts, (text) => (typeof text === "string" ? text : "")); // all can be sent
  await started;
  return new Promise((resolve, reject) => {
    const { port1: answer, port2: port } = new MessageChannel();
    answer.onmessage = ({ data: { found, error } }) => {
      answer.close();
      if (found) resolve(found);
      else reject(error);
    };
    worker.postMessage(strings, [port]);
  });
}

// `sentiment` of sentiment.js in a worker, so that the page does not stand still meanwhile.

const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });

/** @type {typeof import("./sentiment.js").sentiment} */
export const sentiment = (texts) =>
  new Promise((resolve, reject) => {
    const { port1: answer, port2: port } = new MessageChannel();
    answer.onmessage = ({ data: { found, error } }) => {
      answer.close();
      if (error) reject(error);
      else resolve(found);
    };
    const strings = Array.from(texts, (text) => (typeof text === "string" ? text : "")); // all can be sent
    worker.postMessage(strings, [port]);
  });

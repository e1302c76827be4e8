// The worker of web.js. Whoever asks sends a port for the answer.

import { open } from "./web.js";

let model;

onmessage = async ({ data, ports: [port] }) => {
  try {
    if (data.open) model = await open(data.open.model, data.open);
    port.postMessage({ found: data.score && (await model.score(data.score)) });
  } catch (error) {
    port.postMessage({ error });
  }
};
postMessage("started");

// The worker of in_worker.js. Whoever asks sends a port for the answer.
import { sentiment } from "./sentiment.js";

onmessage = ({ data: texts, ports: [port] }) =>
  sentiment(texts).then((found) => port.postMessage({ found }), (error) => port.postMessage({ error }));
postMessage("started");

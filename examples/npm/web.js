// The package on web pages: ONNX Runtime's WebAssembly build, here or in a worker.

import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm"; // not /webgpu: it has no text

import { MAX_TOKENS, Model } from "./model.js";

/** @type {typeof import("./index").open} */
export async function open(model, { maxTokens = MAX_TOKENS, wasm, worker } = {}) {
  const file = model instanceof Uint8Array ? model : address(model);
  const binary = wasm && address(wasm);
  if (worker) return openIn(worker, { model: file, wasm: binary, maxTokens });
  if (binary) env.wasm.wasmPaths = { wasm: binary };
  const session = await InferenceSession.create(file, { executionProviders: ["wasm"] });
  const run = (texts) => session.run({ text: new Tensor("string", texts.map(readable), [texts.length]) });
  return new Model(run, () => session.release(), maxTokens);
}

/** In a worker, which may be from elsewhere, addresses are not those of the page. */
const address = (/** @type {string | URL} */ file) => new URL(file, globalThis.document?.baseURI ?? location.href).href;

// Capitals that WebAssembly would turn into other letters, and halves of surrogate pairs.
const readable = (text) => text.toWellFormed().replace(/[^\0-\x7f]/gu, (letter) => {
  const small = letter.toLowerCase();
  return small === letter || small.toUpperCase() === letter ? letter : "\ufffd";
});

async function openIn(worker, options) {
  await new Promise((resolve, reject) => {
    worker.onmessage = resolve; // its first message; without it, nothing that is sent would be answered
    worker.onerror = ({ message }) => reject(new Error(message || "the worker, or what it imports, cannot be loaded"));
  });
  await ask(worker, { open: options });
  return {
    async score(texts) {
      if (typeof texts === "string") throw new TypeError("expected several texts; put one into an array");
      return ask(worker, { score: Array.from(texts, (text) => (typeof text === "string" ? text : "")) }); // all can be sent
    },
    async close() {
      worker.terminate();
    },
  };
}

const ask = (worker, question) =>
  new Promise((resolve, reject) => {
    const { port1: answer, port2: port } = new MessageChannel();
    answer.onmessage = ({ data: { found, error } }) => {
      answer.close();
      if (error) reject(error);
      else resolve(found);
    };
    worker.postMessage(question, [port]);
  });

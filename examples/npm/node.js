// The package in Node, Bun and Deno: the model file takes raw text, so onnxruntime-node is all it needs.

import { fileURLToPath } from "node:url";

import { InferenceSession, Tensor } from "onnxruntime-node";

import { MAX_TOKENS, Model } from "./model.js";

const SHIPPED = ["reviews", "reviews-small", "reviews-open", "conv1d"];

/** @type {typeof import("./index").open} */
export async function open(model, { maxTokens = MAX_TOKENS } = {}) {
  const session = await InferenceSession.create(fileOf(model), { intraOpNumThreads: 1 }); // it is small
  const run = (texts) => session.run({ text: new Tensor("string", texts, [texts.length]) });
  return new Model(run, () => session.release(), maxTokens);
}

/** @param {string | URL | Uint8Array} model */
function fileOf(model) {
  const file = SHIPPED.includes(model) ? new URL(`./models/${model}.onnx`, import.meta.url) : model;
  return file instanceof URL ? fileURLToPath(file) : file;
}

import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm"; // not /webgpu: it has no text
import wasm from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import { batchesOf } from "./long_texts.js"; // of examples/node
import model from "./reviews.onnx?url";

env.wasm.wasmPaths = { wasm };
const session = await InferenceSession.create(model, { executionProviders: ["wasm"] });

/** Gives [label, probability of positive] of each text. */
export async function sentiment(texts) {
  const found = [];
  for (const batch of batchesOf(texts, 512)) { // tokens that the model reads
    const text = new Tensor("string", batch.map(readable), [batch.length]);
    const { label, probability, known_tokens: known } = await session.run({ text });
    batch.forEach((_, i) => found.push([known.data[i] ? label.data[i] : "unknown", probability.data[i]]));
  }
  return found;
}

// Capitals that WebAssembly would turn into other letters, and halves of surrogate pairs.
const readable = (text) => text.toWellFormed().replace(/[^\0-\x7f]/gu, (letter) => {
  const small = letter.toLowerCase();
  return small === letter || small.toUpperCase() === letter ? letter : "\ufffd";
});

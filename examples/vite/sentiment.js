import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm"; // not /webgpu: it has no text
import wasm from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import model from "./reviews.onnx?url";

env.wasm.wasmPaths = { wasm };
const session = await InferenceSession.create(model, { executionProviders: ["wasm"] });

/** Gives [label, probability of positive] of each text. Give it at most 32 at once. */
export async function sentiment(texts) {
  const text = new Tensor("string", texts.map(readable), [texts.length]);
  const { label, probability, known_tokens } = await session.run({ text });
  return texts.map((_, i) => [known_tokens.data[i] ? label.data[i] : "unknown", probability.data[i]]);
}

// Capitals that WebAssembly would turn into other letters, and halves of surrogate pairs.
const readable = (text) => text.toWellFormed().replace(/[^\0-\x7f]/gu, (letter) => {
  const small = letter.toLowerCase();
  return small === letter || small.toUpperCase() === letter ? letter : "\ufffd";
});

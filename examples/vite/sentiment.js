import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm"; // not /webgpu: it has no text
import wasm from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import { batchesOf } from "./long_texts.js"; // of examples/node
import model from "./reviews.onnx?url";

env.wasm.wasmPaths = { wasm };
const session = InferenceSession.create(model, { executionProviders: ["wasm"] }); // no await: the page would wait

/**
 * Score any number of texts. The label is "" where the model knows no word, which is no opinion.
 *
 * @param {Iterable<unknown>} texts What is not a string counts as "".
 * @returns {Promise<{ label: string, probability: number, stars?: number, knownTokens: number }[]>}
 */
export async function sentiment(texts) {
  const found = [];
  for (const batch of batchesOf(texts, 512)) { // tokens that the model reads
    const text = new Tensor("string", batch.map(readable), [batch.length]);
    const { label, probability, stars, known_tokens: known } = await (await session).run({ text });
    batch.forEach((_, i) => {
      const answer = { label: known.data[i] ? label.data[i] : "", probability: probability.data[i] };
      found.push({ ...answer, stars: stars?.data[i], knownTokens: known.data[i] });
    });
  }
  return found;
}

// Capitals that WebAssembly would turn into other letters, and halves of surrogate pairs.
const readable = (text) => text.toWellFormed().replace(/[^\0-\x7f]/gu, (letter) => {
  const small = letter.toLowerCase();
  return small === letter || small.toUpperCase() === letter ? letter : "\ufffd";
});

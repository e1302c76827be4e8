// Texts through ONNX Runtime for JavaScript as they are, without any care.
//
//     node raw_texts.mjs PACKAGE MODEL < TEXTS
//
// Reads a JSON array of batches of texts; prints an array with the answer of each batch, or its error.

import { readFileSync } from "node:fs";
import { argv } from "node:process";

const ort = await import(argv[2]);
const { InferenceSession, Tensor, env } = ort.default ?? ort;
env.wasm.numThreads = 1;
env.logLevel = "fatal";

async function answer(session, texts) {
  try {
    const text = new Tensor("string", texts, [texts.length]);
    const { probability, known_tokens: known } = await session.run({ text });
    return { probability: Array.from(probability.data), known: Array.from(known?.data ?? []) };
  } catch (error) {
    return { error: error.message };
  }
}

let found;
try {
  const session = await InferenceSession.create(readFileSync(argv[3]));
  found = [];
  for (const texts of JSON.parse(readFileSync(0, "utf8"))) found.push(await answer(session, texts));
} catch (error) {
  found = { error: error.message };
}
console.log(JSON.stringify(found));

// Sentiment in Node: the model file takes raw text, so onnxruntime-node is all it needs.
//
//     node embed.js MODEL [TEXT...]
//
// Prints the label and the probability of each text, or of each line of standard input. The label
// is "unknown" where the model knows no word of the text, which then says nothing.

import process, { argv, stdin } from "node:process";
import { InferenceSession, Tensor } from "onnxruntime-node";

// ONNX Runtime makes a table of the words of a batch, as wide as its longest text.
const LINES_AT_ONCE = 32;
const SHORT_ENOUGH = 8_000; // UTF-16 units
const MAX_TOKENS = 512; // that the model reads, as `toolkit info` says
const WORD = /(?<![^ \t\n\v\f\r])[^ \t\n\v\f\r]*?[\p{L}\p{N}]/gu;

// Cuts off what the model does not read of a long text: words between spaces are tokens.
function endOf(text) {
  if (text.length <= SHORT_ENOUGH) return text;
  const words = [...text.split("\0", 1)[0].matchAll(WORD)];
  return words.length > MAX_TOKENS ? text.slice(words.at(-MAX_TOKENS).index) : text;
}

async function score(session, texts) {
  const text = new Tensor("string", texts.map(endOf), [texts.length]);
  // Files before format 3 do not count the known words.
  const { label, probability, known_tokens: known } = await session.run({ text });
  const labelOf = (i) => (known?.data[i] === 0 ? "unknown" : label.data[i]);
  return texts.map((_, i) => [labelOf(i), probability.data[i]]);
}

// node:readline would also end a line at U+2028 or a lone carriage return, which reviews may hold.
async function* linesOf(stream) {
  let rest = "";
  for await (const part of stream.setEncoding("utf8")) {
    const lines = (rest + part).split("\n");
    rest = lines.pop();
    yield* lines;
  }
  if (rest !== "") yield rest;
}

async function* batchesOf(texts) {
  let batch = [];
  for await (const text of texts) {
    if (batch.push(text) === LINES_AT_ONCE) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

async function main([path, ...texts]) {
  if (path === undefined) throw new Error("usage: node embed.js MODEL [TEXT...]");
  const session = await InferenceSession.create(path, { intraOpNumThreads: 1 }); // it is small
  for await (const batch of batchesOf(texts.length > 0 ? texts : linesOf(stdin))) {
    for (const [label, probability] of await score(session, batch)) {
      process.stdout.write(`${label} ${probability.toFixed(7)}\n`); // Bun's console hides errors
    }
  }
}

function fail(error) {
  console.error(error.message);
  process.exit(1);
}

process.stdout.on("error", fail); // such as a full disk, or a reader that has gone
main(argv.slice(2)).catch(fail);

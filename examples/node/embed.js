// Sentiment in a Node program, by the package of ../npm.
//
//     node embed.js MODEL [TEXT...]
//
// Prints the label and the probability of each text, or of each line of standard input, and only
// "unknown" where the model knows no word of the text.

import process, { argv, stdin } from "node:process";
import { open } from "review-sentiment-toolkit";

const LINES_AT_ONCE = 32;

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
  const model = await open(path);
  for await (const batch of batchesOf(texts.length > 0 ? texts : linesOf(stdin))) {
    for (const { label, probability } of await model.score(batch)) {
      const line = label === "" ? "unknown" : `${label} ${probability.toFixed(7)}`;
      process.stdout.write(`${line}\n`); // Bun's console hides errors
    }
  }
}

function fail(error) {
  console.error(error.message);
  process.exit(1);
}

process.stdout.on("error", fail); // such as a full disk, or a reader that has gone
main(argv.slice(2)).catch(fail);

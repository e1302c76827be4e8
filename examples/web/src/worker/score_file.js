/** A file from its bytes to its scores; other requests are answered between the batches. */

import { batchesByLength } from "./batches.js";
import { readContent } from "./bytes.js";
import { readDelimited } from "./delimited.js";
import { readJsonLines } from "./json_lines.js";
import { otherMessages } from "./other_messages.js";
import { isBlank } from "./session.js";
import { rejectedRecords, scoredFile } from "./write.js";

/** @import { ScoredFile, Scores } from "../types" */
/** @import { Model } from "./session.js" */

/**
 * @typedef {object} Progress
 * @property {number} done Rows.
 * @property {number} total
 * @property {number} share Of the work, 0 to 1; long texts take longer than short ones.
 */

/**
 * @param {Model} model
 * @param {File} file
 * @param {string | null} column The column of the texts, where it was chosen.
 * @param {(progress: Progress) => void} report
 * @param {() => boolean} isStopped
 * @returns {Promise<ScoredFile | null>} Null if it was stopped.
 */
export async function scoreFile(model, file, column, report, isStopped) {
  const start = performance.now();
  const content = await readContent(file);
  const read = isJsonLines(file.name, content.text) ? readJsonLines : readDelimited;
  const records = read(content, column);
  const texts = records.found.map(({ text }) => text);
  const scores = await scoreAll(model, texts, report, isStopped);
  if (!scores) return null;
  const probabilities = scores.probabilities.filter((probability) => !Number.isNaN(probability));
  const withoutText = texts.filter(isBlank).length;
  return {
    name: file.name,
    column: records.column,
    separator: records.separator,
    probabilities,
    counts: countEach(scores.labels),
    withoutText,
    withoutKnownWords: texts.length - probabilities.length - withoutText,
    ...rejectedRecords(file.name, content, records),
    scored: scoredFile(content, records, scores),
    seconds: (performance.now() - start) / 1000,
  };
}

/**
 * @param {string} name
 * @param {string} text
 */
const isJsonLines = (name, text) =>
  /\.(jsonl|ndjson|json)$/i.test(name) || (!/\.(csv|tsv)$/i.test(name) && /^\s*\{/.test(text));

/**
 * @param {Model} model
 * @param {string[]} texts
 * @param {(progress: Progress) => void} report
 * @param {() => boolean} isStopped
 * @returns {Promise<Scores | null>}
 */
async function scoreAll(model, texts, report, isStopped) {
  const probabilities = new Float32Array(texts.length);
  const labels = texts.map(() => "");
  const letters = texts.reduce((sum, text) => sum + text.length, 0);
  let [done, read] = [0, 0];
  for (const places of batchesByLength(texts)) {
    const batch = places.map((place) => texts[place]);
    const scores = await model.score(batch);
    places.forEach((place, row) => {
      probabilities[place] = scores.probabilities[row];
      labels[place] = scores.labels[row];
      read += batch[row].length;
    });
    done += places.length;
    report({ done, total: texts.length, share: letters ? read / letters : 1 });
    await otherMessages();
    if (isStopped()) return null;
  }
  return { probabilities, labels };
}

/**
 * @param {string[]} labels
 * @returns {Record<string, number>}
 */
function countEach(labels) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const label of labels) if (label) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

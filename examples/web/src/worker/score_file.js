/** A file from its bytes to its scores; other requests are answered between the batches. */

import { batchesByLength } from "./batches.js";
import { readContent } from "./bytes.js";
import { readDelimited } from "./delimited.js";
import { readJsonLines } from "./json_lines.js";
import { otherMessages } from "./other_messages.js";
import { isBlank } from "./session.js";
import { ScoredRecords } from "./scored_records.js";
import { rejectedRecords } from "./write.js";

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
 * @returns {Promise<{ file: ScoredFile, records: ScoredRecords } | null>} Null if it was stopped.
 */
export async function scoreFile(model, file, column, report, isStopped) {
  const start = performance.now();
  const content = await readContent(file);
  await otherMessages(); // reading a large file takes a while
  if (isStopped()) return null;
  const read = isJsonLines(file.name, content.text) ? readJsonLines : readDelimited;
  const records = read(content, column);
  const texts = records.found.map(({ text }) => text);
  const scores = await scoreAll(model, texts, report, isStopped);
  if (!scores) return null;
  const has = (/** @type {number} */ number) => !Number.isNaN(number);
  const probabilities = scores.probabilities.filter(has);
  const stars = scores.stars.filter(has);
  const withoutText = texts.filter(isBlank).length;
  return {
    file: {
      name: file.name,
      facts: model.facts,
      column: records.column,
      separator: records.separator,
      rows: texts.length,
      probabilities,
      meanStars: stars.length ? stars.reduce((sum, each) => sum + each, 0) / stars.length : null,
      withoutText,
      withoutKnownWords: texts.length - probabilities.length - withoutText,
      ...rejectedRecords(file.name, content, records),
      seconds: (performance.now() - start) / 1000,
    },
    records: new ScoredRecords(content, records, scores, model.facts),
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
  /** @type {Scores} */
  const scores = {
    probabilities: new Float32Array(texts.length),
    labels: texts.map(() => ""),
    stars: new Float32Array(texts.length),
  };
  const letters = texts.reduce((sum, text) => sum + text.length, 0);
  let [done, read] = [0, 0];
  for (const places of batchesByLength(texts)) {
    const batch = places.map((place) => texts[place]);
    const found = await model.score(batch);
    places.forEach((place, row) => {
      scores.probabilities[place] = found.probabilities[row];
      scores.labels[place] = found.labels[row];
      scores.stars[place] = found.stars[row];
      read += batch[row].length;
    });
    done += places.length;
    report({ done, total: texts.length, share: letters ? read / letters : 1 });
    await otherMessages();
    if (isStopped()) return null;
  }
  return scores;
}

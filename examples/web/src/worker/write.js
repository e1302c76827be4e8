/** What the visitor can download: the scored file, and the records that could not be read. */

import { sideOf } from "../verdict.js";
import { PROBABILITY, SENTIMENT, STARS } from "./columns.js";
import { lineCounter, lineStop } from "./records.js";

/** @import { Facts, Rejected, Scores, Written } from "../types" */
/** @import { Content } from "./bytes.js" */
/** @import { Records } from "./records.js" */

const EXCERPT = 120;
const NEUTRAL = "neutral"; // as in toolkit/model/inference/neutral.py

/**
 * Give every record as it was, with its score in it, in order.
 *
 * @param {Content} content
 * @param {Records} records
 * @param {Scores} scores
 * @param {Written} written
 * @param {Facts} facts
 */
export function scoredFile({ mark, text, write }, records, scores, written, facts) {
  const columns = addedColumns(scores, written, facts);
  const parts = [write(mark + records.header(columns.map(({ name }) => name)))];
  records.found.forEach((found, row) => {
    const { start, stop, end } = found;
    const added = columns.map(({ name, isNumber, valueOf }) => ({ name, isNumber, value: valueOf(row) }));
    const lineEnd = text[end - 1] === "\n" ? "" : "\n";
    parts.push(write(text.slice(start, stop)), records.added(found, added));
    parts.push(write(text.slice(stop, end) + lineEnd));
  });
  parts.push(write(text.slice(records.end)));
  return new Blob(parts);
}

/**
 * @param {Scores} scores
 * @param {Written} written
 * @param {Facts} facts
 */
function addedColumns({ probabilities, labels, stars }, written, facts) {
  const isNeutral = (/** @type {number} */ row) => sideOf(facts, probabilities[row]) === "neutral";
  const labelOf = (/** @type {number} */ row) => (written.neutral && isNeutral(row) ? NEUTRAL : labels[row]);
  const number = (/** @type {number} */ value) => (Number.isNaN(value) ? "" : shortest(value));
  return [
    { name: SENTIMENT, isNumber: false, valueOf: labelOf },
    { name: PROBABILITY, isNumber: true, valueOf: (/** @type {number} */ row) => number(probabilities[row]) },
    { name: STARS, isNumber: true, valueOf: (/** @type {number} */ row) => number(hundredths(stars[row])) },
  ].filter(({ name }) => written.stars || name !== STARS);
}

/** @param {number} stars */
const hundredths = (stars) => Math.fround(Math.round(stars * 100) / 100);

/**
 * Give a line of JSON for each record that could not be read, as `toolkit score` does.
 *
 * @param {string} file
 * @param {Content} content
 * @param {Records} records
 * @returns {{ rejected: Rejected[], rejects: Blob }}
 */
export function rejectedRecords(file, { text, read, write }, { broken }) {
  const lineOf = lineCounter(text);
  /** @type {Rejected[]} */
  const rejected = [];
  const lines = broken.map(({ start, end, reason }) => {
    const piece = text.slice(start, lineStop(text, start, end));
    const line = lineOf(start);
    const raw = rawOf(piece, read, write);
    rejected.push({ line, reason, excerpt: ("raw" in raw ? raw.raw : piece).slice(0, EXCERPT) });
    return JSON.stringify({ file, line, reason, ...raw }) + "\n";
  });
  return { rejected, rejects: new Blob(lines) };
}

/**
 * @param {string} piece
 * @param {Content["read"]} read
 * @param {Content["write"]} write
 */
function rawOf(piece, read, write) {
  try {
    return { raw: read(piece) };
  } catch {
    const bytes = /** @type {Uint8Array} */ (write(piece));
    return { raw_base64: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")) };
  }
}

/**
 * The shortest decimal that reads back as the same float32.
 *
 * @param {number} value
 */
export function shortest(value) {
  let digits = 1;
  while (Math.fround(Number(value.toPrecision(digits))) !== value) digits += 1;
  return String(Number(value.toPrecision(digits)));
}

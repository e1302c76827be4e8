/** What the visitor can download: the scored file, and the records that could not be read. */

import { lineCounter, lineStop } from "./records.js";

/** @import { Rejected, Scores } from "../types" */
/** @import { Content } from "./bytes.js" */
/** @import { Records } from "./records.js" */

const EXCERPT = 120;

/**
 * Give every record as it was, with its score in it, in order.
 *
 * @param {Content} content
 * @param {Records} records
 * @param {Scores} scores
 */
export function scoredFile({ mark, text, write }, records, scores) {
  const parts = [write(mark + records.header)];
  records.found.forEach((found, row) => {
    const { start, stop, end } = found;
    const probability = scores.probabilities[row];
    const written = Number.isNaN(probability) ? "" : shortest(probability);
    const added = records.added(found, written, scores.labels[row]);
    const lineEnd = text[end - 1] === "\n" ? "" : "\n";
    parts.push(write(text.slice(start, stop)), added, write(text.slice(stop, end) + lineEnd));
  });
  parts.push(write(text.slice(records.end)));
  return new Blob(parts);
}

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

/** JSON Lines: one object per line, which gets two more members and is otherwise kept as it is. */

import { refuseTaken, wantedColumn } from "./columns.js";
import { ColumnWanted, InputError } from "./errors.js";
import { lineEnd, lineStop } from "./records.js";

/** @import { Content } from "./bytes.js" */
/** @import { Added, Broken, Found, Records } from "./records.js" */

/** @typedef {{ [name: string]: unknown }} JsonObject */

const LINES_FOR_NAMES = 1000;

/**
 * @param {Content} content
 * @param {string | null} chosen The key of the texts.
 * @returns {Records}
 */
export function readJsonLines(content, chosen) {
  const { text, read } = content;
  if (/^\s*\[/.test(text)) {
    throw new InputError("the file is one JSON array, expected an object on each line");
  }
  const column = findColumn(content, chosen);
  /** @type {Found[]} */
  const found = [];
  /** @type {Broken[]} */
  const broken = [];
  let behind = 0; // end of the last record
  for (const [start, end] of lines(text)) {
    const line = text.slice(start, lineStop(text, start, end));
    if (!line.trim()) continue;
    try {
      const value = textOf(parseObject(read(line)), column);
      found.push({ start: behind, stop: text.lastIndexOf("}", end), end, text: value });
    } catch (error) {
      broken.push({ start, end, reason: /** @type {Error} */ (error).message });
    }
    behind = end;
  }
  return { column, separator: null, header: () => "", found, broken, end: behind, added: members(text) };
}

/** @param {string} text */
const members = (text) =>
  (/** @type {Found} */ { start, stop }, /** @type {Added[]} */ added) =>
    (/\{\s*$/.test(text.slice(start, stop)) ? "" : ", ") +
    added.map(({ name, value, isNumber }) => `${JSON.stringify(name)}: ${jsonOf(value, isNumber)}`).join(", ");

/**
 * @param {string} value
 * @param {boolean} isNumber
 */
const jsonOf = (value, isNumber) => (value ? (isNumber ? value : JSON.stringify(value)) : "null");

/** @param {string} text */
function* lines(text) {
  for (let start = 0; start < text.length; ) {
    const end = lineEnd(text, start);
    yield [start, end];
    start = end;
  }
}

/**
 * Choose the key by the first object that has one of the wanted names.
 *
 * @param {Content} content
 * @param {string | null} chosen
 */
function findColumn({ text, read }, chosen) {
  /** @type {JsonObject[]} */
  const looked = [];
  for (const [start, end] of lines(text)) {
    const object = objectOf(text.slice(start, end), read);
    const column = wantedColumn(Object.keys(object), chosen);
    if (column !== undefined) return column;
    if (looked.push(object) === LINES_FOR_NAMES) break;
  }
  const names = [...new Set(looked.flatMap(Object.keys))];
  if (!names.length) throw new InputError("no line is a JSON object, expected one on each line");
  const rows = looked.map((object) => names.map((name) => (typeof object[name] === "string" ? object[name] : "")));
  throw new ColumnWanted(names, rows);
}

/**
 * @param {string} line
 * @param {Content["read"]} read
 */
function objectOf(line, read) {
  try {
    return parseObject(read(line));
  } catch {
    return {}; // it is rejected later on
  }
}

/**
 * @param {string} line
 * @returns {JsonObject}
 */
function parseObject(line) {
  /** @type {unknown} */
  let value;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new Error(`no JSON: ${/** @type {Error} */ (error).message}`);
  }
  if (kindOf(value) !== "an object") throw new Error(`expected a JSON object, found ${kindOf(value)}`);
  return /** @type {JsonObject} */ (value);
}

/**
 * @param {JsonObject} object
 * @param {string} column
 * @returns {string}
 */
function textOf(object, column) {
  refuseTaken(Object.keys(object));
  const value = Object.hasOwn(object, column) ? object[column] : null;
  if (value === null) return "";
  if (typeof value === "string") return value;
  throw new Error(`expected a string as “${column}”, found ${kindOf(value)}`);
}

/** @param {unknown} value */
function kindOf(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

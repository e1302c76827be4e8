/** CSV and similar files, read by Papa Parse, which also says where each record ends. */

import Papa from "papaparse";

import { chooseColumn, TEXT_COLUMNS } from "./columns.js";
import { InputError } from "./errors.js";
import { lineEnd, lineStop } from "./records.js";

/** @import { Content } from "./bytes.js" */
/** @import { Broken, Found, Records } from "./records.js" */

/** @type {Record<string, string>} */
const SEPARATORS = { ",": "comma", ";": "semicolon", "\t": "tab" };

const MOST_HEADER = 2 ** 20;

const OPEN_QUOTE = "a quote that is opened here is never closed";
const AFTER_QUOTE = "a quoted field continues after its closing quote";

/**
 * @param {Content} content
 * @param {string | null} chosen The column of the texts.
 * @returns {Records}
 */
export function readDelimited(content, chosen) {
  const { text } = content;
  const { separator, names, end } = findHeader(content);
  const column = chooseColumn(names, chosen, () => firstRows(content, end, separator));
  const stop = lineStop(text, 0, end);
  const fields = (/** @type {string[]} */ values) => values.map((value) => separator + value).join("");
  return {
    column,
    separator: SEPARATORS[separator],
    header: (added) => text.slice(0, stop) + fields(added) + (text.slice(stop, end) || "\n"),
    ...readRecords(content, separator, end, names.length, names.indexOf(column)),
    added: (_, added) => fields(added.map(({ value }) => value)),
  };
}

/**
 * Find the first line that is not blank, and the separator with which it has a column of texts,
 * or else the most columns.
 *
 * @param {Content} content
 */
function findHeader({ text, read }) {
  const start = text.search(/[^\r\n]/);
  if (start < 0) throw new InputError("only blank lines, expected a header and reviews");
  if (!text.includes("\n") && text.trimEnd().includes("\r")) {
    throw new InputError("its lines end by a carriage return alone. Save it with other line ends");
  }
  const beginning = text.slice(0, start + MOST_HEADER);
  const headers = Object.keys(SEPARATORS).flatMap((separator) => {
    const header = { separator, names: [""], end: start };
    eachRow(beginning, start, separator, (row, _, end, reason) => {
      if (!reason) Object.assign(header, { names: row.map(read), end });
      return false;
    });
    return header.end > start ? [header] : [];
  });
  if (!headers.length) throw new InputError("the quotes of the header are no CSV");
  return headers.reduce((best, each) => (rank(each.names) > rank(best.names) ? each : best));
}

const ROWS_TO_GUESS_BY = 20;

/**
 * @param {Content} content
 * @param {number} start
 * @param {string} separator
 */
function firstRows({ text }, start, separator) {
  /** @type {string[][]} */
  const rows = [];
  eachRow(text.slice(0, start + MOST_HEADER), start, separator, (row) => rows.push(row) < ROWS_TO_GUESS_BY);
  return rows;
}

/** @param {string[]} names */
const rank = (names) =>
  names.length + (TEXT_COLUMNS.some((name) => names.includes(name)) ? MOST_HEADER : 0);

/**
 * @param {Content} content
 * @param {string} separator
 * @param {number} start
 * @param {number} width Fields of a record.
 * @param {number} place The field of the text.
 */
function readRecords({ text, read }, separator, start, width, place) {
  /** @type {Found[]} */
  const found = [];
  /** @type {Broken[]} */
  const broken = [];
  let behind = start; // end of the last record
  eachRow(text, start, separator, (row, from, end, reason) => {
    const stop = lineStop(text, from, end);
    if (stop === from) return true; // a blank line
    const fields = row.length === 1 ? "field" : "fields";
    const ragged = row.length === width ? null : `${row.length} ${fields}, expected ${width}`;
    const problem = reason ?? ragged ?? unreadable(read, text.slice(from, stop));
    if (problem) broken.push({ start: from, end, reason: problem });
    else found.push({ start: behind, stop, end, text: read(row[place]) });
    behind = end;
    return true;
  });
  return { found, broken, end: behind };
}

/**
 * @param {Content["read"]} read
 * @param {string} piece
 * @returns {string | null}
 */
function unreadable(read, piece) {
  try {
    read(piece);
    return null;
  } catch (error) {
    return /** @type {Error} */ (error).message;
  }
}

/**
 * Give the rows one by one. Where quotes are wrong, that line alone is given, with the reason, and
 * the text after it is read as if the line were not there.
 *
 * @param {string} text
 * @param {number} start
 * @param {string} delimiter
 * @param {(row: string[], start: number, end: number, reason: string | null) => boolean} take
 *   Returns whether to continue.
 */
function eachRow(text, start, delimiter, take) {
  let next = start;
  let goesOn = true;
  while (goesOn && next < text.length) {
    const base = next;
    Papa.parse(/** @type {string} */ (text.slice(base)), {
      delimiter,
      newline: "\n", // before which Papa Parse skips the "\r" after a quoted field
      step({ data, errors, meta }, parser) {
        const row = /** @type {string[]} */ (data);
        const from = next;
        const [problem] = errors;
        next = problem ? lineEnd(text, from) : base + meta.cursor;
        const reason = problem && (problem.code === "MissingQuotes" ? OPEN_QUOTE : AFTER_QUOTE);
        if (!problem) row.push(withoutReturn(/** @type {string} */ (row.pop())));
        goesOn = from === next || take(row, from, next, reason ?? null);
        if (problem || !goesOn) parser.abort();
      },
    });
  }
}

/** @param {string} field The last of a row, which keeps its "\r" where it is not quoted. */
const withoutReturn = (field) => (field.endsWith("\r") ? field.slice(0, -1) : field);

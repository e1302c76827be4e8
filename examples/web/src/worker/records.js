/** Records of a file: where they are in its text, so that they can be written as they were. */

/**
 * @typedef {object} Records
 * @property {string} column The name of the column of the texts.
 * @property {string | null} separator
 * @property {(names: string[]) => string} header What the output begins with, with added columns.
 * @property {Found[]} found
 * @property {Broken[]} broken
 * @property {number} end After the last record; blank lines may follow.
 * @property {(found: Found, fields: Added[]) => string} added What to put into a record.
 */

/**
 * @typedef {object} Added
 * @property {string} name Of the column.
 * @property {string} value Empty where there is none.
 * @property {boolean} isNumber
 */

/**
 * @typedef {object} Found
 * @property {number} start Where the blank lines before it start.
 * @property {number} stop Where the added fields belong.
 * @property {number} end After its line end.
 * @property {string} text
 */

/**
 * @typedef {object} Broken
 * @property {number} start
 * @property {number} end After its line end.
 * @property {string} reason
 */

/**
 * Where a line stops, without its line end.
 *
 * @param {string} text
 * @param {number} start
 * @param {number} end After its line end, if it has one.
 */
export function lineStop(text, start, end) {
  const newline = end > start && text[end - 1] === "\n" ? end - 1 : end;
  return newline > start && text[newline - 1] === "\r" ? newline - 1 : newline;
}

/**
 * Where the next line starts.
 *
 * @param {string} text
 * @param {number} start
 */
export const lineEnd = (text, start) => text.indexOf("\n", start) + 1 || text.length;

/**
 * Give the line numbers of ascending positions, from 1.
 *
 * @param {string} text
 */
export function lineCounter(text) {
  let line = 1;
  let newline = text.indexOf("\n");
  return (/** @type {number} */ position) => {
    while (newline >= 0 && newline < position) {
      line += 1;
      newline = text.indexOf("\n", newline + 1);
    }
    return line;
  };
}

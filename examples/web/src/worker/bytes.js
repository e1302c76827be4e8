/** The bytes of a file as a string that can be cut at ASCII characters. */

import { InputError } from "./errors.js";

/**
 * @typedef {object} Content
 * @property {string} text The file without its byte order mark.
 * @property {string} mark The byte order mark, or nothing.
 * @property {(piece: string) => string} read Gives a piece of the text as it is to be understood;
 *   throws InputError if its bytes are not UTF-8.
 * @property {(piece: string) => BlobPart} write Gives the bytes of a piece.
 */

const MOST_BYTES = 256 * 2 ** 20; // a string of a browser holds 512 Mi letters, and two are needed

const BINARY = [
  { begin: "PK\x03\x04", what: "a compressed file, such as an Excel table. Save it as CSV" },
  { begin: "\xd0\xcf\x11\xe0", what: "an old Excel or Word file. Save it as CSV" },
  { begin: "PAR1", what: "a Parquet file. Use `toolkit score`, or save it as CSV" },
  { begin: "\x1f\x8b", what: "packed by gzip. Unpack it first" },
  { begin: "\x28\xb5\x2f\xfd", what: "packed by zstd. Unpack it first" },
  { begin: "%PDF", what: "a PDF" },
  ...["\x89PNG", "\xff\xd8\xff", "GIF8"].map((begin) => ({ begin, what: "a picture, expected CSV or JSON Lines" })),
];

/**
 * @param {Blob} file
 * @returns {Promise<Content>}
 */
export async function readContent(file) {
  if (!file.size) throw new InputError("the file is empty, expected reviews");
  if (file.size > MOST_BYTES) {
    throw new InputError(
      `the file has ${Math.round(file.size / 2 ** 20)} MiB, more than the ` +
        `${MOST_BYTES / 2 ** 20} MiB that a page can hold. Split it, or use \`toolkit score\``,
    );
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  const utf16 = ["utf-16le", "utf-16be"].find((_, big) => bytes[big] === 0xff && bytes[1 - big] === 0xfe);
  if (utf16) return { ...PLAIN, text: new TextDecoder(utf16).decode(bytes), mark: "" };
  refuseBinary(bytes);
  const text = utf8(bytes);
  if (text !== null) return withoutMark(text, PLAIN, "\ufeff");
  refuseMany(bytes, CONTROLS); // in texts of other encodings, these are rare, too
  return oneLetterAByte(bytes);
}

const PLAIN = {
  read: (/** @type {string} */ piece) => piece,
  write: (/** @type {string} */ piece) => piece,
};

/** @param {Uint8Array} bytes */
function refuseBinary(bytes) {
  const start = startOf(bytes);
  const known = BINARY.find(({ begin }) => start.startsWith(begin));
  if (known) throw new InputError(`the file is ${known.what}`);
  refuseMany(bytes, /\0/g);
}

const CONTROLS = /[\0-\x08\x0e-\x1a\x1c-\x1f]/g;

/**
 * Refuse bytes of which more than one in a hundred is such a letter.
 *
 * @param {Uint8Array} bytes
 * @param {RegExp} letters
 */
function refuseMany(bytes, letters) {
  const start = startOf(bytes);
  if ((start.match(letters) ?? []).length > start.length / 100) {
    throw new InputError("the file is not text, expected CSV or JSON Lines in UTF-8");
  }
}

/** @param {Uint8Array} bytes */
const startOf = (bytes) => String.fromCharCode(...bytes.subarray(0, 4096));

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {string | null} Null if they are not UTF-8.
 */
function utf8(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/**
 * Keep every byte as a letter, so that only the records that are not UTF-8 are refused.
 *
 * @param {Uint8Array<ArrayBuffer>} bytes
 */
function oneLetterAByte(bytes) {
  const text = new TextDecoder("x-user-defined").decode(bytes);
  const write = (/** @type {string} */ piece) => Uint8Array.from(piece, (letter) => letter.charCodeAt(0) & 255);
  const read = (/** @type {string} */ piece) => {
    const found = utf8(write(piece));
    if (found === null) throw new InputError("bytes that are not UTF-8; save the file in that encoding");
    return found;
  };
  return withoutMark(text, { read, write }, "\uf7ef\uf7bb\uf7bf");
}

/**
 * @param {string} text
 * @param {Pick<Content, "read" | "write">} ways
 * @param {string} mark
 * @returns {Content}
 */
function withoutMark(text, ways, mark) {
  return text.startsWith(mark)
    ? { ...ways, text: text.slice(mark.length), mark }
    : { ...ways, text, mark: "" };
}

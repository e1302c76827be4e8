/** Texts as the WebAssembly build has to be given them, to give the answers of other builds. */

const CAPITALS = /(?![A-Z])\p{Changes_When_Lowercased}/gu; // outside ASCII

/**
 * The WebAssembly build lowercases letters outside ASCII, too, as musl's `towlower` does. Most come
 * to the same word as elsewhere: models know words in capitals. A few do not, such as U+212A, which
 * becomes an ASCII letter; one for private use leaves words with them unknown.
 *
 * Half a surrogate pair becomes U+FFFD, as in the toolkit.
 *
 * @param {string} text
 */
export const sendable = (text) =>
  text.toWellFormed().replace(CAPITALS, (letter) => {
    const small = letter.toLowerCase();
    return [...small].length === 1 && small.toUpperCase() === letter ? letter : "\ue000";
  });

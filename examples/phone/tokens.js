// Makes the token ids of texts for a twin, NAME.ids.onnx, by the content of NAME.tokens.json. For
// React Native, Node and web pages: nothing is imported.

const START = 1;
const UNKNOWN = 2;
const FIRST_WORD = 4;
const LONGEST_NAME = 16;
const LONGEST_INSIDE = 200;

const isOfName = (character, isFirst) => /^[a-z]$/.test(character) || (!isFirst && /^[0-9]$/.test(character));
const isInside = (character) => character >= "\x01" && character <= "\x7f" && character !== "<" && character !== ">";

export class Tokens {
  #separators;
  #apostrophes;
  #emoji;
  #entities;
  #longestEntity;
  #ids;

  /** @param {any} table NAME.tokens.json, parsed. */
  constructor(table) {
    this.table = table;
    [this.#separators, this.#apostrophes, this.#emoji] = ["separators", "apostrophes", "emoji"].map(
      (name) => new Set(table[name]), // of code points
    );
    this.#entities = new Map(Object.entries(table.entities));
    this.#longestEntity = Math.max(0, ...Object.keys(table.entities).map((entity) => entity.length));
    this.#ids = new Map(table.spellings.map((spelling, i) => [spelling, table.spelling_ids[i]]));
    table.words.forEach((word, i) => this.#ids.set(word, i + FIRST_WORD));
  }

  /**
   * The start token and the ids of a text, without padding; of what is not a string, as of "".
   *
   * @param {unknown} text
   * @returns {number[]}
   */
  ids(text) {
    const points = this.#points(typeof text === "string" ? text : "");
    const ids = [START];
    let at = 0;
    while (at < points.length) {
      let end = this.#endOfWord(points, at);
      if (end === at && this.#emoji.has(points[at])) end = at + 1;
      if (end > at) {
        ids.push(this.#ids.get(points.slice(at, end).join("")) ?? UNKNOWN);
        at = end;
      } else {
        at += Math.max(1, this.#lengthOfTag(points, at), this.#lengthOfEntity(points, at));
      }
    }
    return ids.slice(-this.table.max_tokens);
  }

  /**
   * The input `token_ids` for some texts, with padding in front: new Tensor("int32", data, dims).
   *
   * @param {unknown[]} texts
   */
  rows(texts) {
    const all = texts.map((text) => this.ids(text));
    const width = Math.max(1, ...all.map((ids) => ids.length));
    const data = new Int32Array(all.length * width);
    all.forEach((ids, i) => data.set(ids, (i + 1) * width - ids.length));
    return { data, dims: [all.length, width] };
  }

  /**
   * The label of an answer; "" where the model knows no word of the text, which is no opinion.
   *
   * @param {number} probability
   * @param {number} knownTokens
   */
  label(probability, knownTokens) {
    const isPositive = probability >= Math.fround(this.table.threshold);
    return knownTokens === 0 ? "" : this.table.labels[Number(isPositive)];
  }

  #points(text) {
    const points = Array.from(text, (point) => {
      if (point >= "A" && point <= "Z") return point.toLowerCase();
      return point >= "\ud800" && point <= "\udfff" && point.length === 1 ? "\ufffd" : point;
    });
    const nul = this.table.ends_at_nul ? points.indexOf("\0") : -1;
    return nul < 0 ? points : points.slice(0, nul);
  }

  #endOfWord(points, at) {
    let end = this.#endOfRun(points, at);
    while (end > at) {
      const mark = this.#lengthOfApostrophe(points, end);
      const next = this.#endOfRun(points, end + mark);
      if (mark === 0 || next === end + mark) return end;
      end = next;
    }
    return at;
  }

  #endOfRun(points, at) {
    let end = at;
    while (end < points.length && !this.#isEnd(points[end])) end += 1;
    return end;
  }

  #isEnd(point) {
    return this.#separators.has(point) || this.#apostrophes.has(point) || this.#emoji.has(point);
  }

  #lengthOfApostrophe(points, at) {
    if (this.#apostrophes.has(points[at])) return 1;
    const length = this.#lengthOfEntity(points, at);
    const meaning = this.#entities.get(points.slice(at, at + length).join(""));
    return this.#apostrophes.has(meaning) ? length : 0;
  }

  #lengthOfEntity(points, at) {
    if (points[at] !== "&") return 0;
    const end = points.slice(at, at + this.#longestEntity).indexOf(";") + 1;
    return this.#entities.has(points.slice(at, at + end).join("")) ? end : 0;
  }

  #lengthOfTag(points, at) {
    if (!this.table.has_tags || points[at] !== "<") return 0;
    let place = at + 1;
    if (points[place] === "!") {
      place += 1;
    } else {
      if (points[place] === "/") place += 1;
      const name = place;
      while (place - name < LONGEST_NAME && place < points.length && isOfName(points[place], place === name)) place += 1;
      if (place === name) return 0;
      if (points[place] === ">") return place + 1 - at;
      if (place === points.length || !/^[\t-\r /]$/.test(points[place])) return 0;
      place += 1;
    }
    const inside = place;
    while (place - inside < LONGEST_INSIDE && place < points.length && isInside(points[place])) place += 1;
    return points[place] === ">" ? place + 1 - at : 0;
  }
}

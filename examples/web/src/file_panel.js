/** The file that is dropped or chosen. */

import { byId, grouped, make } from "./dom.js";
import { fileResult, inWords } from "./file_result.js";
import { ColumnWanted } from "./scorer.js";
import { fill } from "./typed_review.js";

/** @import { Progress, Scorer } from "./scorer.js" */

/** @typedef {"progress" | "choose" | "problem" | "result"} Part */

/** Which element of a part takes the focus. */
const FOCUS = { progress: "stop", choose: "column", problem: "problem", result: "result" };

const PARTS = /** @type {Part[]} */ (Object.keys(FOCUS));

/** @param {Promise<Scorer>} loading A file that comes before the model waits for it. */
export function startFilePanel(loading) {
  const news = byId("news", HTMLElement);
  const result = byId("result", HTMLElement);
  let stop = () => {};
  let runs = 0;

  /**
   * @param {File} file
   * @param {string | null} column
   */
  async function score(file, column = null) {
    stop();
    const run = (runs += 1);
    forgetDownloads(result);
    showProgress({ done: 0, total: 0, share: 0 }, "Waiting for the model");
    show("progress");
    news.textContent = `Scoring ${file.name}`;
    stop = () => {
      runs += 1;
      show(null);
      news.textContent = "Stopped";
    };
    const scorer = await loading;
    if (run !== runs) return;
    showProgress({ done: 0, total: 0, share: 0 });
    const going = scorer.scoreFile(file, column, (progress) => run === runs && showProgress(progress));
    stop = going.stop;
    try {
      const scored = await going.answer;
      if (run !== runs) return;
      stop = () => {};
      if (scored) result.replaceChildren(make("h3", {}, file.name), ...fileResult(scorer, scored, open));
      show(scored ? "result" : null);
      news.textContent = scored ? `${file.name}: ${inWords(scored)}` : "Stopped";
    } catch (error) {
      if (run !== runs) return;
      stop = () => {};
      if (error instanceof ColumnWanted) choose(file, error);
      else fail(file, /** @type {Error} */ (error));
    }
  }

  /**
   * @param {File} file
   * @param {ColumnWanted} wanted
   */
  function choose(file, { columns, likely }) {
    const select = byId("column", HTMLSelectElement);
    select.replaceChildren(...columns.map((name) => make("option", { value: name }, name || "(no name)")));
    select.value = likely;
    byId("choose-title", HTMLElement).textContent =
      `${file.name} has no column “text” or “review”. Which one has the reviews?`;
    news.textContent = "Choose the column of the reviews";
    show("choose");
    byId("choose", HTMLFormElement).onsubmit = (event) => {
      event.preventDefault();
      score(file, select.value);
    };
  }

  byId("stop", HTMLButtonElement).addEventListener("click", () => stop());
  takeFiles(score);
}

/**
 * Show a text as the review that is typed, with a way back to its row.
 *
 * @param {string} text
 * @param {HTMLElement} row
 */
function open(text, row) {
  const review = byId("review", HTMLTextAreaElement);
  const back = byId("back", HTMLButtonElement);
  fill(review, text);
  back.hidden = false;
  back.onclick = () => {
    back.hidden = true;
    const target = row.isConnected ? row : byId("drop", HTMLElement);
    target.focus({ preventScroll: true });
    target.scrollIntoView({ block: "center" });
  };
  review.focus({ preventScroll: true });
  byId("typed-title", HTMLElement).scrollIntoView({ block: "start" });
}

/**
 * @param {File} file
 * @param {Error} error
 */
function fail(file, error) {
  show("problem");
  byId("news", HTMLElement).textContent = "";
  const parts = error.message.split(/`([^`]+)`/); // every second one is a command
  const shown = parts.map((part, place) => (place % 2 ? make("code", {}, part) : part));
  byId("problem", HTMLElement).replaceChildren(`${file.name}: `, ...shown, ".");
}

/**
 * @param {Pick<Progress, "done" | "total" | "share">} progress
 * @param {string} first What is said before it is known how many rows there are.
 */
function showProgress({ done, total, share }, first = "Reading the file") {
  byId("bar", HTMLProgressElement).value = share;
  byId("done", HTMLElement).textContent = total
    ? `${grouped(done)} of ${grouped(total)} rows`
    : first;
}

/**
 * Show one part. The focus moves along if it was in the part before, or on the zone; otherwise the
 * visitor is typing.
 *
 * @param {Part | null} part
 */
function show(part) {
  const focused = document.activeElement;
  const goesAlong =
    focused === document.body ||
    [...PARTS, "drop"].some((each) => byId(each, HTMLElement).contains(focused));
  for (const each of PARTS) byId(each, HTMLElement).hidden = each !== part;
  if (!goesAlong) return;
  const next = byId(part === null ? "drop" : FOCUS[part], HTMLElement);
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

/** @param {HTMLElement} result The files of a former result take memory until then. */
function forgetDownloads(result) {
  byId("back", HTMLElement).hidden = true;
  for (const link of result.querySelectorAll("a")) if (link.href) URL.revokeObjectURL(link.href);
  result.replaceChildren();
}

/** @param {(file: File) => void} take */
function takeFiles(take) {
  const zone = byId("drop", HTMLButtonElement);
  const input = byId("file", HTMLInputElement);
  zone.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files ?? [];
    input.value = ""; // so that the same file can be chosen again
    if (file) take(file);
  });
  // Anywhere on the page, as a file that misses the zone would else replace the page.
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const [file] = event.dataTransfer?.files ?? [];
    if (file) take(file);
  });
}

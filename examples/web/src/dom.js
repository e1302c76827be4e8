/**
 * Find an element of the page that must be there.
 *
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (element instanceof type) return element;
  throw new Error(`the page has no ${type.name} called ${id}`);
}

/**
 * Make an element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Partial<HTMLElementTagNameMap[Tag]>} properties
 * @param {(Node | string)[]} children
 */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/**
 * @param {HTMLElement} table One that may be wider than a phone; the keyboard scrolls it, too.
 * @param {string} title The id of its title.
 */
export function scrolling(table, title) {
  const box = make("div", { className: "scrolling", tabIndex: 0, role: "region" }, table);
  box.setAttribute("aria-labelledby", title);
  return box;
}

/** @param {number} number */
export const grouped = (number) => number.toLocaleString("en");

/** @param {number} bytes */
export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

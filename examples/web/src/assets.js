/**
 * The large parts of the page: files next to it, or compressed inside it, where it is one file. Such a
 * page works from a folder, too, where browsers let scripts read no other files.
 */

const WORKER = "worker.js";

/**
 * @param {string} name
 * @returns {Promise<ArrayBuffer>}
 */
export async function loadAsset(name) {
  const packed = document.getElementById(name)?.textContent;
  if (packed) return unpack(packed);
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name} cannot be loaded (${response.status})`);
  return response.arrayBuffer();
}

/** @returns {Promise<string>} */
export async function workerAddress() {
  if (!document.getElementById(WORKER)) return WORKER;
  const script = new Blob([await loadAsset(WORKER)], { type: "text/javascript" });
  return URL.createObjectURL(script);
}

/** @param {string} base64 Of bytes compressed by gzip. */
async function unpack(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

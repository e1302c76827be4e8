/**
 * The large parts of the page, compressed by gzip: files next to it, or inside it, where it is one file.
 * Such a page works from a folder, too, where browsers let scripts read no other files.
 */

/** @import { PackedFile } from "./types" */

const WORKER = "worker.js";

/**
 * How many bytes come over the network.
 *
 * @param {PackedFile[]} files
 */
export const bytesOfFiles = (files) =>
  files.reduce((sum, { file, packed }) => sum + (document.getElementById(file) ? 0 : packed), 0);

/**
 * @param {string} name
 * @param {(bytes: number) => void} onBytes Is told how many more bytes are here.
 * @returns {Promise<ArrayBuffer>} The content, unpacked.
 */
export async function loadAsset(name, onBytes = () => {}) {
  const inside = document.getElementById(name)?.textContent;
  const blob = inside ? new Blob([bytesOf(inside)]) : await fetched(name, onBytes);
  return unpacked(blob).catch(() => {
    throw new Error(`${name} is damaged, or not complete`);
  });
}

/** @returns {Promise<string>} */
export async function workerAddress() {
  if (!document.getElementById(WORKER)) return WORKER;
  const script = new Blob([await loadAsset(WORKER)], { type: "text/javascript" });
  return URL.createObjectURL(script);
}

/**
 * @param {string} name
 * @param {(bytes: number) => void} onBytes
 */
async function fetched(name, onBytes) {
  const response = await fetch(name);
  if (!response.ok || !response.body) throw new Error(`${name} cannot be loaded (${response.status})`);
  const counted = new TransformStream({
    transform(/** @type {Uint8Array} */ chunk, controller) {
      onBytes(chunk.length);
      controller.enqueue(chunk);
    },
  });
  return new Response(response.body.pipeThrough(counted)).blob();
}

/**
 * Some servers say of a file .gz that it is encoded by gzip: then the browser has unpacked it.
 *
 * @param {Blob} blob
 */
async function unpacked(blob) {
  const [first, second] = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  if (first !== 0x1f || second !== 0x8b) return blob.arrayBuffer();
  return new Response(blob.stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

/** @param {string} base64 */
function bytesOf(base64) {
  const letters = atob(base64);
  const bytes = new Uint8Array(letters.length);
  for (let place = 0; place < letters.length; place += 1) bytes[place] = letters.charCodeAt(place);
  return bytes;
}

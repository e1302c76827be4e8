/**
 * Puts the package into a folder, for `npm pack`: the scripts, the models, and on what terms they are.
 *
 *     node build.mjs [--out dist]
 */

import { cp, mkdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const PROJECT = join(HERE, "../..");
const SCRIPTS = ["index.d.ts", "long_texts.js", "model.js", "node.js", "package.json", "README.md", "web.js", "worker.js"];
const MODELS = ["reviews", "reviews-small", "reviews-open", "conv1d"].map((name) => `${name}.onnx`);

const { values } = parseArgs({ options: { out: { type: "string", default: join(HERE, "dist") } } });

await rm(values.out, { recursive: true, force: true });
await mkdir(join(values.out, "models"), { recursive: true });
const copy = (from, folder = "") => cp(from, join(values.out, folder, basename(from)));
for (const name of SCRIPTS) await copy(join(HERE, name));
for (const name of [...MODELS, "SHA256SUMS"]) await copy(join(PROJECT, "exported", name), "models");
await copy(join(PROJECT, "LICENSE"));
await copy(join(PROJECT, "exported/SOURCES.md"));
console.log(`written to ${values.out}`);

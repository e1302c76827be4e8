/**
 * Builds the extension: the page of ../web with a manifest, and nothing that is loaded from elsewhere.
 *
 *     node build.mjs [--model ../../exported/reviews.onnx]... [--out dist]
 */

import { spawnSync } from "node:child_process";
import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const REVIEWS = join(HERE, "../../exported/reviews.onnx");

const { values } = parseArgs({
  options: {
    model: { type: "string", multiple: true, default: [REVIEWS] },
    out: { type: "string", default: join(HERE, "dist") },
  },
});

const models = values.model.flatMap((path) => ["--model", path]);
const page = [join(HERE, "../web/build.mjs"), ...models, "--out", values.out];
const { status } = spawnSync(process.execPath, page, { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
await rm(join(values.out, "review-sentiment.html"));
for (const name of ["manifest.json", "background.js", "icon.png"]) {
  await copyFile(join(HERE, name), join(values.out, name));
}

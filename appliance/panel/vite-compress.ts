// Writes .br and .gz beside every text asset, so that the box only ever sends bytes from its image
// and never compresses while a meeting runs.
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const TEXT = /\.(html|js|css|svg|json|txt|webmanifest)$/;
/** Smaller files gain nothing that a packet would notice. */
const WORTHWHILE_BYTES = 512;

export function compressed(): Plugin {
  let folder = "dist";
  return {
    name: "roombox-compressed",
    apply: "build",
    configResolved(config) {
      folder = config.build.outDir;
    },
    async closeBundle() {
      for (const entry of await readdir(folder, { recursive: true })) {
        if (!TEXT.test(entry)) continue;
        const path = join(folder, entry);
        const bytes = await readFile(path);
        if (bytes.length < WORTHWHILE_BYTES) continue;
        const brotli = brotliCompressSync(bytes, {
          params: {
            [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
            [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
          },
        });
        await writeFile(`${path}.br`, brotli);
        await writeFile(`${path}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

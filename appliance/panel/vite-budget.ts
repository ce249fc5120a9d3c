// What a page loads before it can show anything has a budget: a build that exceeds it fails. Counted as it
// goes over the wire: brotli of the page, of its scripts with what they import, and of its styles.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import type { Plugin } from "vite";

/** Addresses of the scripts and styles in a page. */
export function loadedBy(html: string): string[] {
  const tags = html.match(/<(script|link)\b[^>]*>/g) ?? [];
  return tags.flatMap((tag) => {
    if (tag.startsWith("<link") && !/\brel="(modulepreload|stylesheet)"/.test(tag)) return [];
    return tag.match(/\b(?:src|href)="([^"]+)"/)?.[1] ?? [];
  });
}

/** Bytes of a page and all that it loads at once. `read` gives a file of the build. */
export async function weigh(page: string, read: (name: string) => Promise<Uint8Array>): Promise<number> {
  const html = await read(page);
  const names = loadedBy(new TextDecoder().decode(html));
  const files = await Promise.all(names.map((name) => read(name.replace(/^\//, ""))));
  return [html, ...files].reduce((sum, file) => sum + brotliCompressSync(file).length, 0);
}

/** `pages`: bytes that each may load at most. */
export function budget(pages: Record<string, number>): Plugin {
  let folder = "dist";
  return {
    name: "roombox-budget",
    apply: "build",
    configResolved(config) {
      folder = config.build.outDir;
    },
    async closeBundle() {
      for (const [page, most] of Object.entries(pages)) {
        const bytes = await weigh(page, (name) => readFile(join(folder, name)));
        const said = `${page} loads ${kilobytes(bytes)} of ${kilobytes(most)} (brotli)`;
        if (bytes > most) this.error(`${said}: load what is seldom seen when somebody goes there`);
        this.info(said);
      }
    },
  };
}

const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;

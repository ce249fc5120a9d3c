// Puts src/arrival.ts before the scripts of each page, as a file of its own: what looks after the others must
// not be one chunk with them. And tells it where the page's words are, language by language.
import type { IndexHtmlTransformContext, Plugin } from "vite";

const SOURCE = "src/arrival.ts";
const WORDS = /\/i18n\/(\w+)\.(\w+)\.ts$/;

type Bundle = NonNullable<IndexHtmlTransformContext["bundle"]>;

/** What loads with these files. */
function withImports(bundle: Bundle, files: readonly string[], found = new Set<string>()): Set<string> {
  for (const file of files) {
    const chunk = bundle[file];
    if (chunk?.type !== "chunk" || found.has(file)) continue;
    found.add(file);
    withImports(bundle, chunk.imports, found);
  }
  return found;
}

/** By language, the files with words that a page begins with, and with all of them what they import. */
function words(bundle: Bundle, entry: { name: string; fileName: string }): Record<string, string[]> {
  const there = withImports(bundle, [entry.fileName]);
  const asked = new Set([...there].flatMap((file) => (bundle[file]?.type === "chunk" ? bundle[file].dynamicImports : [])));
  const found: Record<string, string[]> = {};
  for (const file of asked) {
    const chunk = bundle[file];
    const [, name, language] = (chunk?.type === "chunk" && chunk.facadeModuleId?.match(WORDS)) || [];
    if (!language || (name !== entry.name && name !== "shared")) continue;
    const files = [...withImports(bundle, [file])].filter((one) => !there.has(one));
    found[language] = [...new Set([...(found[language] ?? []), ...files.map((one) => `/${one}`)])];
  }
  return found;
}

export function arrival(): Plugin {
  let built = false;
  return {
    name: "roombox-arrival",
    configResolved(config) {
      built = config.command === "build";
    },
    buildStart() {
      if (built) this.emitFile({ type: "chunk", id: SOURCE, name: "arrival" });
    },
    transformIndexHtml: {
      order: "post",
      handler(_, { bundle, chunk: entry }) {
        const chunk = Object.values(bundle ?? {}).find((file) => file.type === "chunk" && file.name === "arrival");
        if (built && !chunk) throw new Error(`${SOURCE} is not part of the build`);
        const src = chunk ? `/${chunk.fileName}` : `/${SOURCE}`;
        const script = { tag: "script", attrs: { type: "module", src }, injectTo: "head-prepend" as const };
        if (!bundle || !entry) return [script];
        const found = words(bundle, entry);
        const lists = Object.values(found);
        const own = (files: string[]) => files.some((file) => file.includes(`/${entry.name}.`));
        if (!lists.length || !lists.every(own)) throw new Error(`${entry.name} begins without words`);
        const content = JSON.stringify(found);
        return [script, { tag: "meta", attrs: { name: "roombox-words", content }, injectTo: "head-prepend" as const }];
      },
    },
  };
}

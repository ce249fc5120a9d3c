// Puts src/arrival.ts before the scripts of each page, as a file of its own: what looks after the others must
// not be one chunk with them.
import type { Plugin } from "vite";

const SOURCE = "src/arrival.ts";

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
      handler(_, { bundle }) {
        const chunk = Object.values(bundle ?? {}).find((file) => file.type === "chunk" && file.name === "arrival");
        if (built && !chunk) throw new Error(`${SOURCE} is not part of the build`);
        const src = chunk ? `/${chunk.fileName}` : `/${SOURCE}`;
        return [{ tag: "script", attrs: { type: "module", src }, injectTo: "head-prepend" as const }];
      },
    },
  };
}

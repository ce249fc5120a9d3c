import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { arrival } from "./vite-arrival.ts";
import { budget } from "./vite-budget.ts";
import { compressed } from "./vite-compress.ts";

// `npm run dev` shows the pages from source and asks a running box for everything else:
//   ROOMBOX=http://127.0.0.1:7880 npm run dev
const box = process.env.ROOMBOX ?? "http://127.0.0.1:7880";

export default defineConfig({
  plugins: [
    react(),
    arrival(),
    compressed(),
    budget({ "index.html": 350_000, "meet.html": 260_000, "share.html": 100_000 }),
  ],
  build: {
    target: "es2022",
    // Everything is a file of its own: a data: URL would need a wider content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // livekit-client alone is 450 kB before compression; the budget is 300 kB of brotli for meet.
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      input: { panel: "index.html", meet: "meet.html", share: "share.html" },
      output: {
        codeSplitting: {
          groups: [
            { name: "shared", test: /node_modules\/(react|react-dom|scheduler|i18next|react-i18next)\// },
            // A file for each of them would be two hundred of 300 bytes.
            { name: "icons", test: /node_modules\/@tabler\/icons-react\// },
          ],
        },
      },
    },
  },
  server: {
    proxy: {
      "/api": { target: box, ws: true },
      "/rtc": { target: box, ws: true },
    },
  },
});

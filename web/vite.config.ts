import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

import { thirdParty } from "./third-party.mjs";

// `npm run dev` speaks to a server that is already running.
const server = process.env["ASSAY_SERVER"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react(), thirdParty(["@fontsource-variable/inter"])],
  build: {
    outDir: process.env["ASSAY_PAGE_OUT"] ?? "dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the policy of the page allows no data: script, and pictures are cached
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
    reportCompressedSize: false,
  },
  worker: { format: "es" },
  server: { proxy: { "/api": server, "/ws": { target: server, ws: true }, "/version": server } },
});

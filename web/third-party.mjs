// The licences of what ends up in the page, as one file beside it: their terms ask for that.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

function licenceOf(folder) {
  const file = readdirSync(folder).find((f) => /^licen[cs]e(\.|$)/i.test(f));
  return file ? readFileSync(join(folder, file), "utf8").trim() : "(no text is shipped with it)";
}

/** The folder of the package that a module belongs to; null: the page's own. */
export function packageFolder(id) {
  const m = /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(
    id.replace(/^\0/, "").split("?")[0],
  );
  return m ? m[1] : null;
}

export function thirdParty(more = []) {
  const folders = new Set();
  return {
    name: "third-party",
    generateBundle() {
      for (const id of this.getModuleIds()) {
        const folder = packageFolder(id);
        if (folder && existsSync(join(folder, "package.json"))) folders.add(folder);
      }
      for (const name of more) folders.add(join(process.cwd(), "node_modules", name));
      const parts = [...folders]
        .map((folder) => ({ folder, ...JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) }))
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((p) => `${p.name} ${p.version} (${p.license})\n\n${licenceOf(p.folder)}\n`);
      this.emitFile({
        type: "asset",
        fileName: "third-party.txt",
        source: `The page of Assay is built from these.\n\n${parts.join(`\n${"-".repeat(78)}\n\n`)}`,
      });
    },
  };
}

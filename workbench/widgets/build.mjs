// Bundles each widget: an ES module and a style sheet, both self-contained, into static/.
import { existsSync } from "node:fs";
import { build } from "esbuild";

const WIDGETS = ["chat", "browser", "compare", "downloads", "history", "library", "model_picker", "panes", "settings"];

await build({
  entryPoints: WIDGETS.flatMap((name) => [`${name}.ts`, `${name}.css`]).filter(existsSync),
  outdir: "static",
  bundle: true,
  minify: true,
  charset: "utf8",
  format: "esm",
  target: ["es2022", "chrome120", "firefox120", "safari17.5"],
  legalComments: "none",
  logLevel: "info",
});

// Bundles each widget: an ES module and a style sheet, both self-contained, into static/.
import { build } from "esbuild";

await build({
  entryPoints: ["chat.ts", "chat.css"],
  outdir: "static",
  bundle: true,
  minify: true,
  charset: "utf8",
  format: "esm",
  target: ["es2022", "chrome120", "firefox120", "safari17.5"],
  legalComments: "none",
  logLevel: "info",
});

// Bundles src into the folder that is given (built), with the licences of what is bundled.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const out = process.argv[2] ?? join(here, "built");

// Ways to draw that no chart here uses; without these lines esbuild leaves out their code too.
const UNUSED = ["(paths.stepped = stepped);", "(paths.bars    = bars);", "(paths.spline  = monotoneCubic);"];
const lean = {
  name: "lean-uplot",
  setup: ({ onLoad }) => onLoad({ filter: /uPlot\.esm\.js$/ }, ({ path }) => ({ contents: UNUSED.reduce(without, readFileSync(path, "utf8")) })),
};

function without(text, line) {
  if (!text.includes(line)) throw new Error(`uPlot has changed: it has no line ${line}`);
  return text.replace(line, "");
}

mkdirSync(out, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: { console: "src/main.tsx" },
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "warning",
  plugins: [lean],
});
copyFileSync(join(here, "src/icon.svg"), join(out, "icon.svg"));
const packages = ["preact", "@preact/signals", "@preact/signals-core", "uplot"];
const licences = packages.map((name) => `${name}\n\n${readFileSync(join(here, "node_modules", name, "LICENSE"), "utf8")}`);
writeFileSync(join(out, "LICENSE.console-bundle.txt"), licences.join("\n----\n\n"));

// Bundles the pages' scripts and styles: `node build.mjs OUT`. Names carry a hash of their content, so that browsers
// may keep them for ever; each file is packed beside itself, and manifest.json lists what there is.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "dist");

// The oldest browser that the tests run: Chromium 88.
const TARGET = "chrome88";
// What the pages ask for by name.
const ENTRIES = { app: "src/app.ts", chart: "src/chart.ts", style: "style.css" };
const TYPES = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};

const result = await build({
  absWorkingDir: here,
  entryPoints: ENTRIES,
  outdir: out,
  bundle: true,
  minify: true,
  format: "iife",
  target: TARGET,
  charset: "utf8",
  legalComments: "eof",
  write: false,
  logLevel: "warning",
});

// Licences of what is bundled, as their authors ask.
const notices = Object.keys(JSON.parse(readFileSync(join(here, "package.json"), "utf8")).dependencies).map((name) => {
  const dir = join(here, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
  const file = readdirSync(dir).find((f) => /^licen[cs]e/i.test(f));
  return `${name} ${version} (${license})\n\n${file ? readFileSync(join(dir, file), "utf8").trim() : ""}\n`;
});

const files = [
  ...result.outputFiles.map((f) => ({ name: f.path.split(/[\\/]/).pop(), bytes: Buffer.from(f.contents) })),
  ...readdirSync(join(here, "static")).map((name) => ({ name, bytes: readFileSync(join(here, "static", name)) })),
  { name: "licences.txt", bytes: Buffer.from(notices.join(`\n${"-".repeat(78)}\n\n`)) },
].sort((a, b) => (a.name < b.name ? -1 : 1));

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const manifest = files.map(({ name, bytes }) => {
  const dot = name.lastIndexOf(".");
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  const file = `${name.slice(0, dot)}-${hash}${name.slice(dot)}`;
  const packed = gzipSync(bytes, { level: 9 });
  writeFileSync(join(out, file), bytes);
  writeFileSync(join(out, `${file}.gz`), packed);
  return { name, file, type: TYPES[name.slice(dot)], bytes: bytes.length, packed: packed.length };
});
writeFileSync(join(out, "manifest.json"), JSON.stringify(manifest, null, 1));

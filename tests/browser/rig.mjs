// The program as a browser meets it: starts it, reads the address and the one-time link from what it prints, opens
// contexts that take note of everything that may not happen (errors in the console, violations of the policy, failed
// requests, requests that leave the origin), and stops what it started by its id.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");

/** The program under test. */
export const BINARY = process.env.FENGSUI_BIN ?? join(target, "debug", "fengsui");
/** Pictures of this run go here; build output, not kept. */
export const SHOTS = join(target, "screenshots");
/** The windows that pages must fit: a desk, the wall of the duty room, a telephone. */
export const VIEWPORTS = {
  desktop: { width: 1366, height: 768 },
  wall: { width: 1920, height: 1080 },
  phone: { width: 360, height: 740 },
};
/** Both languages, as the cookie names them. */
export const LANGS = ["zh-CN", "en"];

/** Of every test: a browser that hangs is a failure, not a run without end. */
export const LIMIT = { timeout: 300_000 };

/** Asks `look` again until it gives something; fails with `what`. */
export async function until(what, look, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < end) {
    try {
      const found = await look();
      if (found) return found;
    } catch (error) {
      if (error.final) throw error;
      last = error;
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`waited ${seconds} s in vain for ${what}${last ? `: ${last}` : ""}`);
}

// What was started and still runs; whatever happens to the tests, nothing stays behind.
const running = new Set(), folders = new Set();
process.on("exit", () => {
  running.forEach((child) => child.kill("SIGKILL"));
  folders.forEach((dir) => rmSync(dir, { recursive: true, force: true }));
});

/** Starts `fengsui up` with further arguments on a free port and waits until it is ready. */
export async function start(...args) {
  const dir = mkdtempSync(join(tmpdir(), "fengsui-browser-"));
  const line = ["up", "--data", join(dir, "data"), "--listen", "127.0.0.1:0", "--agent-listen", "127.0.0.1:0", ...args];
  const child = spawn(BINARY, line, { env: { ...process.env, LANG: "C.UTF-8", FENGSUI_LOG: "info" }, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  folders.add(dir);
  let output = "", ended;
  for (const pipe of [child.stdout, child.stderr]) pipe.on("data", (bytes) => { output += bytes; });
  const end = new Promise((done) => child.on("exit", (code, signal) => { ended = `${code ?? signal}`; running.delete(child); done(); }));
  child.on("error", (error) => { ended = String(error); });
  await until("the program to be ready", () => {
    if (ended !== undefined) throw Object.assign(new Error(`it ended (${ended}):\n${output}`), { final: true });
    return /ready|已就绪/.test(output);
  }, 60);
  const address = output.match(/http:\/\/127\.0\.0\.1:\d+/);
  if (!address) throw new Error(`no address in:\n${output}`);
  const link = () => {
    const all = [...output.matchAll(/(https?:\/\/\S+)?\/welcome\?token=([\w-]+)/g)];
    return all.length ? `${address[0]}/welcome?token=${all[all.length - 1][2]}` : undefined;
  };
  return {
    url: address[0],
    dir,
    pid: child.pid,
    /** The one-time sign-in that was printed; it works once. */
    link,
    output: () => output,
    /** Runs a command of the program against this instance and gives what it printed. */
    run: (args, input) => command([...args, "--data", dataDir(output, dir)], input),
    stop: async () => {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 8000);
      await end;
      clearTimeout(late);
      rmSync(dir, { recursive: true, force: true });
      if (/panicked/.test(output)) throw new Error(`the program panicked:\n${output}`);
    },
  };
}

// The demo keeps its data beside the directory that was named; it says where.
function dataDir(output, dir) {
  return output.match(/^(?:data in|数据目录) (.+)$/m)?.[1] ?? join(dir, "data");
}

/** Runs the program to its end. */
export function command(args, input = "") {
  return new Promise((done, fail) => {
    const child = spawn(BINARY, args, { env: { ...process.env, LANG: "C.UTF-8" } });
    let out = "", err = "";
    child.stdout.on("data", (bytes) => { out += bytes; });
    child.stderr.on("data", (bytes) => { err += bytes; });
    child.on("error", fail);
    child.on("exit", (code) => (code === 0 ? done(out) : fail(new Error(`${args.join(" ")} ended with ${code}: ${out}${err}`))));
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

/** A one-time sign-in made now, for a browser more. */
export async function newLink(program) {
  const said = await program.run(["user", "link"]);
  const token = said.match(/\/welcome\?token=([\w-]+)/)?.[1];
  if (!token) throw new Error(`no link in: ${said}`);
  return `${program.url}/welcome?token=${token}`;
}

/** Where the system's Chromium is, or undefined. */
export function systemChromium() {
  return [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => path && existsSync(path));
}

// The oldest Chromium that pages must work in comes packed in an npm package; unpacked once a machine.
function oldChromium() {
  const bin = join(dirname(require.resolve("chrome-aws-lambda/package.json")), "bin");
  const { version } = require("chrome-aws-lambda/package.json");
  const dir = join(tmpdir(), `fengsui-chromium-${version}-${process.getuid?.() ?? 0}`);
  const path = join(dir, "chromium");
  if (!existsSync(path)) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const part = `${path}.${process.pid}`;
    writeFileSync(part, brotliDecompressSync(readFileSync(join(bin, "chromium.br"))), { mode: 0o755 });
    renameSync(part, path);
  }
  return path;
}

/** Opens a browser: `new` is the system's, `old` is Chromium 88. */
export async function browser(which = "new") {
  const old = which === "old";
  const executablePath = old ? oldChromium() : systemChromium();
  if (!executablePath) throw new Error("no chromium on this machine: apt-get install chromium");
  const args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--font-render-hinting=none"];
  if (old) args.push("--single-process", "--no-zygote");
  // As a server, because that can be killed: the old one, in one process, does not always end when it is asked to.
  const server = await chromium.launchServer({ executablePath, args, headless: true, timeout: 60_000 });
  const made = await chromium.connect(server.wsEndpoint());
  const close = made.close.bind(made);
  made.close = async () => {
    await Promise.race([close(), new Promise((done) => setTimeout(done, 3_000))]);
    await server.kill();
  };
  return made;
}

/**
 * A context of a browser with a language and a window. `faults()` lists what may not have happened; `clean()` fails
 * if anything is on it. `allow` is a list of patterns of what the test provokes itself, such as a refused sign-in.
 */
export async function context(of, program, { lang = "zh-CN", view = "desktop", scripts = true, allow = [] } = {}) {
  const origin = new URL(program.url).origin;
  const made = await of.newContext({
    viewport: VIEWPORTS[view],
    locale: lang,
    timezoneId: "Asia/Shanghai",
    javaScriptEnabled: scripts,
    reducedMotion: "reduce",
    acceptDownloads: true,
  });
  made.setDefaultTimeout(15_000);
  await made.addCookies([{ name: "lang", value: lang, url: origin }]);
  const faults = [];
  const note = (what) => { if (!allow.some((pattern) => pattern.test(what))) faults.push(what); };
  // A violation of the policy is an event in the page; the console says it as well, but not in every version.
  if (scripts) {
    await made.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`));
    });
  }
  made.on("page", (page) => {
    page.on("console", (message) => { if (message.type() === "error") note(`console: ${message.text()} (${message.location().url})`); });
    page.on("pageerror", (error) => note(`page error: ${error.stack ?? error}`));
    page.on("dialog", (dialog) => { note(`dialog: ${dialog.message()}`); dialog.dismiss().catch(() => undefined); });
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.origin !== origin && !["data:", "blob:", "about:"].includes(url.protocol)) note(`left the origin: ${url}`);
    });
    page.on("requestfailed", (request) => {
      const why = request.failure()?.errorText ?? "";
      // A page that is left takes its streams and half-read answers with it, and a file that is saved is no page.
      if (why !== "net::ERR_ABORTED") note(`request failed: ${request.method()} ${request.url()} ${why}`);
    });
    page.on("response", (response) => { if (response.status() >= 400) note(`${response.status()}: ${response.request().method()} ${response.url()}`); });
  });
  return Object.assign(made, {
    lang,
    view,
    faults: () => faults,
    clean: () => { if (faults.length) throw new Error(`this may not happen:\n  ${faults.splice(0).join("\n  ")}`); },
  });
}

/** A page that is signed in by a one-time link. */
export async function signedIn(of, program, options = {}) {
  const made = await context(of, program, options);
  const page = await made.newPage();
  const link = program.linkUsed ? await newLink(program) : program.link();
  program.linkUsed = true;
  if (!link) throw new Error(`no one-time link in:\n${program.output()}`);
  await page.goto(link);
  return Object.assign(page, { made });
}

/** Opens a path of the program and waits until the page stands. */
export async function open(page, program, path) {
  const answer = await page.goto(program.url + path, { waitUntil: "load" });
  await page.waitForSelector("main");
  return answer;
}

/** A picture of a page, named `NAME`, in this run's folder. */
export async function shot(page, name, options = {}) {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`), ...options });
}

const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** Fails on a finding of axe that keeps people out: serious or critical. */
export async function accessible(page, where = page.url()) {
  // Through the debugger, not as a script of the page: the policy would rightly refuse that.
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const all = await window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], resultTypes: ["violations"] });
    return all.violations.map((v) => ({ impact: v.impact, id: v.id, help: v.help, nodes: v.nodes.slice(0, 4).map((n) => `${n.target.join(" ")}: ${n.failureSummary}`) }));
  });
  const bad = found.filter((v) => v.impact === "serious" || v.impact === "critical");
  if (bad.length) throw new Error(`axe on ${where}:\n${bad.map((v) => `  ${v.impact} ${v.id}: ${v.help}\n    ${v.nodes.join("\n    ")}`).join("\n")}`);
}

/** Fails if a page is wider than its window: nobody scrolls sideways on a telephone. */
export async function fits(page) {
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  if (wide > window + 1) {
    const who = await page.evaluate(() => [...document.querySelectorAll("main *")]
      .filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !e.closest(".scroll, .table, [data-scroll]"))
      .slice(0, 5).map((e) => `${e.tagName.toLowerCase()}.${e.className} ${Math.round(e.getBoundingClientRect().right)}`));
    throw new Error(`${page.url()} is ${wide} px wide in a window of ${window}: ${who.join("; ")}`);
  }
}

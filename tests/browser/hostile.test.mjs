// Names as an attacker writes them, in the inventory, in sysDescr, in a port's description and in a website's body:
// text on every page, never markup, never a formula in a file.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { firstOf, navigation } from "./pages.mjs";
import { BINARY, LIMIT, browser, open, signedIn, start, until } from "./rig.mjs";

const NAMES = {
  script: "<script>alert(1)</script>",
  formula: "=cmd|' /C calc'!A0",
  quote: "\"><img src=x onerror=alert(2)>",
  plus: "+1+cmd",
  at: "@SUM(1+1)*cmd",
  minus: "-2+3",
  template: "{{7*7}}${7*7}</textarea></title>",
};
const SYS = "</td><svg onload=alert(3)>";
const ALIAS = "=HYPERLINK(\"http://evil.example\",\"x\")<marquee>";
const NET = `127.${70 + (process.pid % 150)}.9`;
const SNMP = 11_611;

let dir, program, chrome, device, website;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "fengsui-hostile-"));
  const recording = [
    `1.3.6.1.2.1.1.1.0|4|${SYS}`, "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.1", "1.3.6.1.2.1.1.3.0|67|8640000", `1.3.6.1.2.1.1.5.0|4|${NAMES.quote}`,
    "1.3.6.1.2.1.2.1.0|2|1", "1.3.6.1.2.1.2.2.1.1.1|2|1", `1.3.6.1.2.1.2.2.1.2.1|4|${NAMES.script}`, "1.3.6.1.2.1.2.2.1.7.1|2|1", "1.3.6.1.2.1.2.2.1.8.1|2|2",
    `1.3.6.1.2.1.31.1.1.1.1.1|4|${NAMES.formula}`, `1.3.6.1.2.1.31.1.1.1.18.1|4|${ALIAS}`, "1.3.6.1.2.1.31.1.1.1.15.1|66|1000",
  ];
  writeFileSync(join(dir, "hostile.snmprec"), `${recording.join("\n")}\n`);
  device = spawn(BINARY, ["simulate", join(dir, "hostile.snmprec"), "--listen", `${NET}.1:${SNMP}`, "--community", "public"], { stdio: "ignore" });
  website = createServer((_, answer) => answer.writeHead(500, { "x-evil": "<script>" }).end(NAMES.script));
  await new Promise((done) => website.listen(0, "127.0.0.1", done));
  const asset = ([id, name], n) => `[[asset]]\nid = "${id}"\nname = ${JSON.stringify(name)}\nkind = "host"\nzone = "extranet"\naddress = "${NET}.${n + 2}"\ntcp = [9]\n`;
  writeFileSync(join(dir, "inventory.toml"), [
    ...Object.entries(NAMES).map(asset),
    `[[asset]]\nid = "switch"\nname = ${JSON.stringify(NAMES.quote)}\nkind = "switch"\nzone = "extranet"\naddress = "${NET}.1"\nsnmp = { port = ${SNMP}, secret = "switch" }\n`,
    `[[asset]]\nid = "site"\nname = ${JSON.stringify(NAMES.script)}\nkind = "website"\nzone = "extranet"\nwebsite = { url = "http://127.0.0.1:${website.address().port}/" }\n`,
    `[[link]]\nid = "line"\nname = ${JSON.stringify(NAMES.script)}\ntier = "backbone"\na = { asset = "switch", interface = "1", address = "${NET}.1" }\nb = { peer = ${JSON.stringify(NAMES.quote)}, address = "${NET}.99" }\n`,
  ].join("\n"));
  mkdirSync(join(dir, "definitions"));
  const fast = (id, kind, where) => `[[probe]]\nid = "${id}"\nkind = "${kind}"\non = "asset"\nwhere = '${where}'\ninterval = "1s"\ntimeout = "900ms"\nkeep = "1s"\n`;
  writeFileSync(join(dir, "definitions", "fast.toml"), [fast("asset-tcp", "tcp", "asset.tcp_ports > 0"), fast("website-http", "http", 'asset.url != ""'), fast("asset-snmp", "snmp", "asset.has_snmp")].join("\n"));
  program = await start("--inventory", join(dir, "inventory.toml"), "--definitions", join(dir, "definitions"));
  await program.run(["secret", "set", "switch"], "public\n");
  chrome = await browser();
});

after(async () => {
  await chrome?.close();
  await program?.stop();
  device?.kill();
  website?.close();
  rmSync(dir, { recursive: true, force: true });
});

// Nothing of ours is an image named x, a moving word or a drawing that does something when it loads.
const intruders = (page) => page.evaluate(() => document.querySelectorAll("img[src=x], marquee, svg[onload], main script, [onerror]").length);

test("hostile names are text on every page", LIMIT, async () => {
  const page = await signedIn(chrome, program);
  await until("incidents of hostile assets", async () => {
    await open(page, program, "/incidents");
    return (await page.textContent("main")).includes(NAMES.script);
  }, 60);
  await until("what the device says of itself", async () => {
    await open(page, program, "/assets/switch");
    return (await page.textContent("main")).includes(ALIAS);
  }, 60);
  assert.ok((await page.textContent("main")).includes(SYS));
  const paths = await navigation(page, program);
  const things = [];
  for (const list of ["/incidents", "/assets", "/links", "/agents"]) things.push(await firstOf(page, program, list));
  for (const id of [...Object.keys(NAMES), "site"]) things.push(`/assets/${id}`);
  for (const path of [...paths, ...things, "/incidents?state=all", `/assets?q=${encodeURIComponent(NAMES.quote)}`, `/incidents?q=${encodeURIComponent(NAMES.script)}`]) {
    const answer = await open(page, program, path);
    assert.equal(answer.status(), 200, path);
    assert.equal(await intruders(page), 0, `${path}: markup came through`);
    page.made.clean();
  }
  await open(page, program, "/assets/template");
  assert.ok((await page.textContent("main")).includes(NAMES.template));
});

test("no cell of a file is a formula", LIMIT, async () => {
  const page = await signedIn(chrome, program);
  for (const list of ["/assets", "/incidents", "/links"]) {
    const answer = await page.request.get(`${program.url}${list}?format=csv`);
    assert.equal(answer.status(), 200, list);
    assert.match(answer.headers()["content-disposition"], /^attachment; filename="[\w.-]+\.csv"$/);
    const text = await answer.text();
    const found = cells(text).filter((cell) => /^\s*[=+@\t\r]/.test(cell) || /^-[^\d]/.test(cell) || /^-\d+[+*/]/.test(cell));
    assert.deepEqual(found, [], list);
    if (list === "/assets") assert.ok(text.includes("'=cmd|"), "the name is there, as text");
  }
});

// The cells of a CSV with quotes.
function cells(text) {
  const all = [];
  for (const match of text.replace(/^\ufeff/, "").matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n]*))(?:,|\r?\n|$)/g)) {
    all.push((match[1] ?? match[2] ?? "").replaceAll('""', '"'));
  }
  return all;
}

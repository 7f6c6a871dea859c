// Files of graded protection in a browser: configurations are dropped and found by their names, one is named by hand, the
// record sheet is taken away in three forms, and one that was filled in comes back; in both languages at three widths, and
// once without scripts.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { LANGS, LIMIT, VIEWPORTS, accessible, browser, fits, open, shot, signedIn, start } from "./rig.mjs";

const SECRET = "Marker-Of-A-Password";
const config = (name) => `#
sysname ${name}
#
telnet server enable
#
aaa
 local-user ops password cipher ${SECRET}
#
user-interface vty 0 4
 authentication-mode aaa
 idle-timeout 0 0
#
return
`;
const INVENTORY = `
[[asset]]
id = "core-1"
name = "地区核心交换机"
kind = "switch"
zone = "extranet"

[[asset]]
id = "edge-1"
name = "县局边界交换机"
kind = "switch"
zone = "extranet"

[[system]]
id = "portal"
name = "门户网站系统"
level = 3
assets = ["core-1", "edge-1"]
filing = { number = "65290-1", filed = 2024-03-01, last_assessed = 2020-01-01 }
`;
const SHEET = "Item number,Asset id,Result by hand,What was seen\n";

let program, chrome, dir;
before(async () => {
  dir = mkdtempSync(join(tmpdir(), "fengsui-files-"));
  writeFileSync(join(dir, "inventory.toml"), INVENTORY);
  program = await start("--inventory", join(dir, "inventory.toml"));
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await program?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const file = (name, text) => ({ name, mimeType: "text/plain", buffer: Buffer.from(text) });
const press = (page, button) => Promise.all([page.waitForNavigation(), page.click(button)]);

// What is shown now, in both languages' widths: pages that follow a form have no address of their own.
async function look(page, name) {
  for (const [view, size] of Object.entries(VIEWPORTS)) {
    await page.setViewportSize(size);
    await shot(page, `files-${name}-${view}`, { fullPage: true });
    await fits(page);
    await accessible(page);
    assert.ok(!(await page.content()).includes(SECRET), "no secret stands on a page");
  }
  await page.setViewportSize(VIEWPORTS.desktop);
}

async function hand(page, files) {
  await open(page, program, "/baseline/files");
  await page.setInputFiles("#f-configurations", files);
  await press(page, "form:has(#f-configurations) button[type=submit]");
}

async function fill(page, rows) {
  await open(page, program, "/baseline/files");
  await page.setInputFiles("#f-file", file("sheet.csv", SHEET + rows));
  await press(page, "form:has(#f-file) button[type=submit]");
}

test("configurations are dropped, found by their names, and one is named by hand", LIMIT, async () => {
  const page = await signedIn(chrome, program, { lang: "zh-CN" });
  for (const lang of LANGS) {
    await page.made.addCookies([{ name: "lang", value: lang, url: program.url }]);
    await open(page, program, "/baseline/files");
    await look(page, `${lang}-empty`);
    await hand(page, [file("a.cfg", config("core-1")), file("b.cfg", config("SW-9")), file("c.txt", `${SECRET}\n`)]);
    const rows = await page.$$eval("main tbody tr", (all) => all.map((row) => row.textContent));
    assert.equal(rows.length, 3);
    assert.match(rows[0], /地区核心交换机/);
    assert.match(rows[2], lang === "en" ? /choose the language/ : /选定命令语言/);
    await look(page, `${lang}-told`);
    await page.fill("#a-0", "edge-1");
    await press(page, "form:has(#a-0) button.primary");
    assert.match(await page.textContent("main tbody"), /县局边界交换机/);
    page.made.clean();
  }
  await open(page, program, "/baseline/edge-1");
  assert.match(await page.textContent("main"), /telnet server enable/);
});

test("the record sheet leaves in three forms, and one that was filled in comes back", LIMIT, async () => {
  const page = await signedIn(chrome, program, { lang: "zh-CN", allow: [/^422: POST/, /status of 422/] });
  for (const lang of LANGS) {
    await page.made.addCookies([{ name: "lang", value: lang, url: program.url }]);
    await open(page, program, "/baseline?system=portal");
    assert.match(await page.textContent("main"), /65290-1.*2024-03-01.*2020-01-01.*2020-12-31/s);
    await look(page, `${lang}-sheet`);
    for (const format of ["docx", "xlsx", "csv"]) {
      const [saved] = await Promise.all([page.waitForEvent("download"), page.click(`main a[href*="format=${format}"]`)]);
      assert.equal(saved.suggestedFilename(), `record-sheet.${format}`);
    }
    await fill(page, "L3-CES1-04,core-1,perhaps,<b>x</b>\nL3-CES1-99,core-1,Met,x\n");
    assert.equal((await page.$$("main tr.major")).length, 2);
    assert.equal(await page.$("main form button.primary"), null, "nothing can be taken");
    await look(page, `${lang}-bad`);
    await fill(page, `L3-CES1-04,core-1,不符合,口令一种 ${lang}\nL3-CES1-05,core-1,,\n`);
    await look(page, `${lang}-preview`);
    await press(page, "main form button.primary");
    assert.match(page.url(), /taken=1/);
    await open(page, program, "/baseline/items/L3-CES1-04");
    assert.match(await page.textContent("main"), new RegExp(`口令一种 ${lang}`));
    page.made.clean();
  }
});

test("without scripts it works, too", LIMIT, async () => {
  const page = await signedIn(chrome, program, { lang: "en", scripts: false });
  await hand(page, [file("a.cfg", config("edge-1"))]);
  assert.match(await page.textContent("main"), /1 belong to an asset now/);
});

// Graded protection as a security officer sees it: a system with a host that was checked and a switch that was not; the
// matrix, the list, an item, an asset, its states, waivers and the report, in both languages at three widths, with
// nothing in it and with much; forms without scripts, and pages that renew when something new comes.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { LANGS, LIMIT, VIEWPORTS, accessible, browser, command, fits, open, shot, signedIn, start, until } from "./rig.mjs";

const SECRET = "$6$graded$Marker-Of-A-Hash-That-Nobody-May-See";
const HOST = {
  "etc/hostname": "graded-1\n",
  "etc/os-release": "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
  "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nops:x:1000:1000::/home/ops:/bin/bash\n",
  "etc/group": "root:x:0:\nops:x:1000:\n",
  "etc/shadow": `root:${SECRET}:20000:0:99999:7:::\nops:${SECRET}:20000:0:90:7:::\n`,
  "etc/login.defs": "PASS_MAX_DAYS 99999\nUID_MIN 1000\n",
  "etc/ssh/sshd_config": "PermitRootLogin yes\nMaxAuthTries 6\n",
};
const INVENTORY = `
[[organisation]]
id = "egov"
name = "电子政务办公室"
region = "652900"

[[region]]
id = "652900"
name = "阿克苏地区"
tier = "prefecture"

[[asset]]
id = "graded-1"
name = "门户服务器"
kind = "host"
zone = "extranet"
address = "127.0.0.1"
owner = "egov"

[[asset]]
id = "graded-2"
name = "核心交换机"
kind = "switch"
zone = "extranet"
address = "127.0.0.2"
owner = "egov"

[[system]]
id = "portal"
name = "门户网站系统"
level = 3
assets = ["graded-1", "graded-2"]
owner = "egov"
filing = { number = "65290-1", last_assessed = 2020-05-20 }
`;
const MANY = 120; // assets of the second system: more than a page of the matrix
const SWITCH = "#\nsysname edge\n#\ntelnet server enable\n#\nuser-interface vty 0 4\n idle-timeout 0 0\n#\nreturn\n";

let program, chrome, dir;
before(async () => {
  dir = mkdtempSync(join(tmpdir(), "fengsui-graded-"));
  for (const [path, text] of Object.entries(HOST)) {
    mkdirSync(join(dir, "root", path, ".."), { recursive: true });
    writeFileSync(join(dir, "root", path), text);
  }
  writeFileSync(join(dir, "inventory.toml"), INVENTORY);
  program = await start("--inventory", join(dir, "inventory.toml"));
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await program?.stop();
  rmSync(dir, { recursive: true, force: true });
});

// Every page in both languages at every width; all faults at once.
async function look(page, name, paths) {
  const faults = [];
  for (const lang of LANGS) {
    await page.made.addCookies([{ name: "lang", value: lang, url: program.url }]);
    for (const path of paths) {
      for (const [view, size] of Object.entries(VIEWPORTS)) {
        const one = async () => {
          await page.setViewportSize(size);
          assert.equal((await open(page, program, path)).status(), 200);
          assert.equal(await page.getAttribute("html", "lang"), lang);
          await shot(page, `graded-${name}-${lang}-${view}-${paths.indexOf(path)}`);
          await fits(page);
          await accessible(page);
          assert.ok(!(await page.content()).includes("Marker-Of-A-Hash"), "no hash stands on a page");
          page.made.clean();
        };
        await one().catch((error) => faults.push(`${lang} ${view} ${path}: ${error.message}`));
        page.made.faults().length = 0;
      }
    }
  }
  assert.deepEqual(faults, []);
}

test("a system that was never checked has a row for every item, and none that passes", LIMIT, async () => {
  const page = await signedIn(chrome, program, { lang: "zh-CN" });
  await look(page, "none", ["/baseline", "/baseline?view=list", "/baseline/graded-1", "/baseline/items/L3-CES1-02", "/baseline/waivers", "/baseline/report", "/baseline/report?system=portal", "/baseline/graded-1/states"]);
  await page.made.addCookies([{ name: "lang", value: "zh-CN", url: program.url }]);
  await open(page, program, "/baseline?view=list&system=portal");
  const text = await page.textContent("main");
  assert.match(text, /未能核查/);
  assert.match(text, /148/, "74 items of two assets");
  await open(page, program, "/baseline/report?system=portal");
  assert.match(await page.textContent("main"), /过半测评项/, "a report of nothing is loud");
});

test("what a host handed over stands in the record sheet with its proof, and no secret does", LIMIT, async () => {
  const file = join(dir, "graded-1.json");
  await command(["baseline", "check", "--host", "--root", join(dir, "root"), "--out", file]).catch((error) => {
    assert.match(error.message, /ended with [13]/); // something fails, which it should
  });
  await program.run(["baseline", "import", file]);
  const page = await signedIn(chrome, program, { lang: "zh-CN" });
  await look(page, "much", ["/baseline", "/baseline?by=item", "/baseline?view=list&result=fail", "/baseline/graded-1", "/baseline/items/L3-CES1-02", "/baseline/waivers", "/baseline/report?system=portal"]);
  await page.made.addCookies([{ name: "lang", value: "zh-CN", url: program.url }]);
  await open(page, program, "/baseline/graded-1");
  const text = await page.textContent("main");
  assert.match(text, /PermitRootLogin yes/);
  assert.match(text, /sshd_config/);
});

test("a configuration that changed stands beside the one before, and an open matrix renews by itself", LIMIT, async () => {
  const page = await signedIn(chrome, program, { lang: "zh-CN" });
  await open(page, program, "/baseline?system=portal");
  const cell = () => page.textContent('tr[id="r-graded-2"]');
  assert.match(await cell(), /从未核查/);
  const other = await signedIn(chrome, program, { lang: "en" });
  const hand = async (config) => {
    await open(other, program, "/baseline/files");
    await other.setInputFiles("#f-configurations", { name: "graded-2.cfg", mimeType: "text/plain", buffer: Buffer.from(config) });
    await other.click("form:has(#f-configurations) button.primary");
    assert.match(await other.textContent("main"), /1 belong to an asset now/);
  };
  const config = SWITCH.replace("edge", "graded-2");
  await hand(config);
  await until("the open matrix to show the switch", async () => !/从未核查/.test(await cell()));
  await hand(config.replace("idle-timeout 0 0", "idle-timeout 5 0"));
  await other.made.close();
  await look(page, "states", ["/baseline/graded-2/states", "/baseline/graded-2", "/baseline/report?system=portal"]);
  await page.made.addCookies([{ name: "lang", value: "zh-CN", url: program.url }]);
  await open(page, program, "/baseline/graded-2/states");
  assert.match(await page.textContent("#diff"), /\+ *idle-timeout 5 0/);
  page.made.clean();
});

test("waivers and answers are plain forms: without scripts they are refused with a reason, taken, and taken back", LIMIT, async () => {
  const page = await signedIn(chrome, program, { lang: "en", scripts: false, allow: [/422/] });
  await open(page, program, "/baseline/items/L3-CES1-04");
  await page.check('input[name="id"][value="graded-1"]');
  await page.fill("#f-reason", "seen by hand");
  await page.click('button[name="do"]');
  assert.match(await page.textContent('tr[id="r-graded-1"]'), /seen by hand/);
  await open(page, program, "/baseline/graded-1");
  await page.click('a[href*="/baseline/waivers?check="] >> nth=0');
  await page.fill("#f-reason", "old machine");
  await page.fill("#f-expires", "2020-01-01T00:00");
  await page.click("#grant button");
  assert.match(await page.textContent("main"), /within a year/);
  assert.equal(await page.inputValue("#f-reason"), "old machine");
  const soon = new Date(Date.now() + 20 * 86_400_000).toISOString().slice(0, 16);
  await page.fill("#f-expires", soon);
  await page.click("#grant button");
  assert.match(await page.textContent("main"), /The waiver was granted/);
  const scripted = await signedIn(chrome, program, { lang: "en" });
  await look(scripted, "waived", ["/baseline/waivers", "/baseline", "/baseline/report?system=portal"]);
  await open(page, program, "/baseline/waivers");
  await page.click("td button.danger");
  assert.match(await page.textContent("main"), /The waiver was withdrawn/);
});

test("a matrix of many assets pages, sorts and keeps its heading in sight", LIMIT, async () => {
  const ids = Array.from({ length: MANY }, (_, n) => `edge-${n}`);
  const file = join(dir, "many.toml");
  const assets = ids.map((id) => `[[asset]]\nid = "${id}"\nname = "接入交换机 ${id}"\nkind = "switch"\nzone = "extranet"\nowner = "egov"\n`);
  writeFileSync(file, `${assets.join("\n")}\n[[system]]\nid = "edge"\nname = "接入网"\nlevel = 2\nassets = ${JSON.stringify(ids)}\nowner = "egov"\n`);
  await program.run(["inventory", "apply", file]);
  const page = await signedIn(chrome, program, { lang: "zh-CN" });
  await look(page, "many", ["/baseline?system=edge", "/baseline?system=edge&by=item&sort=-unmet"]);
  await page.made.addCookies([{ name: "lang", value: "zh-CN", url: program.url }]);
  await page.setViewportSize(VIEWPORTS.desktop);
  await open(page, program, "/baseline?system=edge");
  assert.equal(await page.locator("table.matrix tbody tr[id]").count(), 50);
  const top = await page.evaluate(() => {
    const box = document.querySelector(".scroll.tall");
    box.scrollTop = 600;
    return document.querySelector("table.matrix tr.second th").getBoundingClientRect().top - box.getBoundingClientRect().top;
  });
  assert.ok(top > 0 && top < 60, `the heading stands at ${top}`);
  await page.click('a[rel="next"]');
  assert.equal(await page.locator("table.matrix tbody tr[id]").count(), 50);
  page.made.clean();
});

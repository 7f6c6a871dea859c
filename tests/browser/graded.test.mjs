// Graded protection as a security officer sees it: a system with a host that was checked and a switch that was not, the
// record sheet and the page of an asset, in both languages at three widths, with nothing in it and with much.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { LANGS, LIMIT, VIEWPORTS, accessible, browser, command, fits, open, shot, signedIn, start } from "./rig.mjs";

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
`;

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
  await look(page, "none", ["/baseline", "/baseline/graded-1"]);
  await page.made.addCookies([{ name: "lang", value: "zh-CN", url: program.url }]);
  await open(page, program, "/baseline?system=portal");
  const text = await page.textContent("main");
  assert.match(text, /未能核查/);
  assert.match(text, /148/, "74 items of two assets");
});

test("what a host handed over stands in the record sheet with its proof, and no secret does", LIMIT, async () => {
  const file = join(dir, "graded-1.json");
  await command(["baseline", "check", "--host", "--root", join(dir, "root"), "--out", file]).catch((error) => {
    assert.match(error.message, /ended with [13]/); // something fails, which it should
  });
  await program.run(["baseline", "import", file]);
  const page = await signedIn(chrome, program, { lang: "zh-CN" });
  await look(page, "much", ["/baseline", "/baseline?result=fail", "/baseline/graded-1"]);
  await page.made.addCookies([{ name: "lang", value: "zh-CN", url: program.url }]);
  await open(page, program, "/baseline/graded-1");
  const text = await page.textContent("main");
  assert.match(text, /PermitRootLogin yes/);
  assert.match(text, /sshd_config/);
});

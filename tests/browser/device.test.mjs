// The page of a device with 48 ports and all that stands on it, and a raw walk of 2,000 variables: begun, watched, sorted,
// searched and saved, in both languages, on a telephone, with the keyboard alone and without scripts.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { BINARY, LANGS, LIMIT, VIEWPORTS, accessible, browser, fits, open, shot, signedIn, start, until } from "./rig.mjs";

const NET = `127.${70 + (process.pid % 150)}.11`;
const SNMP = 11_613;
const PORTS = 48, HOSTS = 900;
const INVENTORY = ["switch", "silent"].map((id, n) => `[[asset]]
id = "${id}"
name = "${n ? "不应答的交换机" : "核心交换机 48 口"}"
kind = "switch"
zone = "extranet"
address = "${NET}.${n + 1}"
snmp = { port = ${SNMP}, secret = "switch" }
`).join("\n") + `\n[[asset]]\nid = "bare"\nname = "未登记 SNMP 的主机"\nkind = "host"\nzone = "extranet"\naddress = "${NET}.9"\n`;

/** A bridge with much on it: ports that carry traffic, a temperature, processors, and whoever is behind the ports. */
function recording() {
  const lines = [
    "1.3.6.1.2.1.1.1.0|4|made-up core switch", "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.3", "1.3.6.1.2.1.1.3.0|67:counter|8640000,100",
    "1.3.6.1.2.1.1.5.0|4|core-48", "1.3.6.1.2.1.1.6.0|4|阿克苏 机房 A 3-12", `1.3.6.1.2.1.2.1.0|2|${PORTS}`,
    "1.3.6.1.2.1.25.3.3.1.2.1|2|37", "1.3.6.1.2.1.25.3.3.1.2.2|2|12",
    "1.3.6.1.2.1.47.1.1.1.1.7.10|4|Slot 1 inlet", "1.3.6.1.2.1.47.1.1.1.1.7.11|4|Slot 1 exhaust",
    ...[[10, 31], [11, 44]].flatMap(([n, value]) => [`1.3.6.1.2.1.99.1.1.1.1.${n}|2|8`, `1.3.6.1.2.1.99.1.1.1.2.${n}|2|9`, `1.3.6.1.2.1.99.1.1.1.3.${n}|2|0`, `1.3.6.1.2.1.99.1.1.1.4.${n}|2|${value}`, `1.3.6.1.2.1.99.1.1.1.5.${n}|2|1`]),
  ];
  for (let n = 1; n <= PORTS; n++) {
    const down = n % 11 === 0;
    lines.push(`1.3.6.1.2.1.2.2.1.1.${n}|2|${n}`, `1.3.6.1.2.1.2.2.1.2.${n}|4|XGigabitEthernet0/0/${n}`, `1.3.6.1.2.1.2.2.1.3.${n}|2|6`,
      `1.3.6.1.2.1.2.2.1.4.${n}|2|1500`, `1.3.6.1.2.1.2.2.1.6.${n}|4x|0200000000${n.toString(16).padStart(2, "0")}`,
      `1.3.6.1.2.1.2.2.1.7.${n}|2|1`, `1.3.6.1.2.1.2.2.1.8.${n}|2|${down ? 2 : 1}`,
      `1.3.6.1.2.1.31.1.1.1.1.${n}|4|XGE0/0/${n}`, `1.3.6.1.2.1.31.1.1.1.15.${n}|66|10000`, `1.3.6.1.2.1.31.1.1.1.18.${n}|4|${n % 3 ? `至县级节点 ${n}` : ""}`,
      `1.3.6.1.2.1.31.1.1.1.6.${n}|70:counter|${n * 1000},${n * 125000}`, `1.3.6.1.2.1.31.1.1.1.10.${n}|70:counter|${n * 2000},${n * 50000}`);
  }
  for (let n = 0; n < HOSTS; n++) {
    const mac = [2, 17, 0, 0, n >> 8, n & 255];
    lines.push(`1.3.6.1.2.1.17.4.3.1.2.${mac.join(".")}|2|${1 + (n % PORTS)}`, `1.3.6.1.2.1.17.4.3.1.3.${mac.join(".")}|2|3`);
  }
  for (let n = 1; n <= PORTS; n++) lines.push(`1.3.6.1.2.1.17.1.4.1.2.${n}|2|${n}`);
  const arcs = (line) => line.split("|")[0].split(".").map(Number);
  const order = (a, b) => { for (let i = 0; i < Math.max(a.length, b.length); i++) { const d = (a[i] ?? -1) - (b[i] ?? -1); if (d) return d; } return 0; };
  return lines.sort((a, b) => order(arcs(a), arcs(b))).join("\n") + "\n";
}

let dir, program, chrome, device;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "fengsui-device-"));
  writeFileSync(join(dir, "core.snmprec"), recording());
  writeFileSync(join(dir, "inventory.toml"), INVENTORY);
  device = spawn(BINARY, ["simulate", join(dir, "core.snmprec"), "--listen", `${NET}.1:${SNMP}`, "--community", "sesame-street"], { stdio: "ignore" });
  mkdirSync(join(dir, "definitions"));
  const fast = (id, kind, timeout) => `[[probe]]\nid = "${id}"\nkind = "${kind}"\non = "asset"\nwhere = 'asset.has_snmp'\ninterval = "${timeout}"\ntimeout = "${timeout}"\nkeep = "${timeout}"\n`;
  writeFileSync(join(dir, "definitions", "fast.toml"), [fast("asset-snmp", "snmp", "3s"), fast("asset-device", "device", "10s")].join("\n"));
  program = await start("--inventory", join(dir, "inventory.toml"), "--definitions", join(dir, "definitions"));
  await program.run(["secret", "set", "switch"], "sesame-street\n");
  chrome = await browser();
});

after(async () => {
  await chrome?.close();
  await program?.stop();
  device?.kill();
  rmSync(dir, { recursive: true, force: true });
});

const main = (page) => page.textContent("main");

/** Walks and waits for the end without a reload; gives the address of the result. */
async function walk(page, asset, oid, press = () => page.click("#walk button[type=submit]")) {
  await open(page, program, `/assets/${asset}/device`);
  await page.fill("#f-oid", oid);
  await Promise.all([page.waitForURL(/\/walks\/[\w-]+$/), press()]);
  await until(`the walk of ${oid}`, async () => !(await page.$("main progress")), 90);
  return new URL(page.url()).pathname;
}

for (const lang of LANGS) {
  const tag = lang === "en" ? "en" : "zh";

  test(`the device stands in ${lang} at every width, and its ports renew themselves`, LIMIT, async () => {
    const page = await signedIn(chrome, program, { lang });
    await until("the report of the device", async () => {
      await open(page, program, "/assets/switch/device?table=interfaces");
      return page.$("#device-table");
    }, 120);
    await until("rates", async () => (await page.textContent("#device-table")).includes("Mbit/s"), 60);
    const seen = () => page.$eval("#device-table tbody tr td:last-child time", (time) => time.getAttribute("datetime"));
    const before = await seen();
    await until("newer values without a reload", async () => (await seen()) !== before, 60);
    for (const [path, name] of [["?table=interfaces", "ports"], ["?table=sensors", "sensors"], ["?table=cpu", "cpu"], ["?table=macs", "macs"]]) {
      for (const view of ["desktop", "phone"]) {
        await page.setViewportSize(VIEWPORTS[view]);
        await open(page, program, `/assets/switch/device${path}`);
        await shot(page, `${tag}-${view}-device-${name}`, { fullPage: true });
        await fits(page);
        await accessible(page);
      }
    }
    for (const asset of ["silent", "bare"]) {
      await open(page, program, `/assets/${asset}/device`);
      await shot(page, `${tag}-phone-device-${asset}`, { fullPage: true });
      await fits(page);
      await accessible(page);
    }
    page.made.clean();
  });

  test(`a walk of 2,000 variables is watched, sorted, searched and saved in ${lang}`, LIMIT, async () => {
    const page = await signedIn(chrome, program, { lang });
    const path = await walk(page, "switch", "mib-2");
    assert.match(await main(page), lang === "en" ? /the first 2000 variables/ : /最前面的 2000 个变量/);
    assert.doesNotMatch(await main(page), /sesame/);
    for (const [query, name] of [["", "walk"], ["?q=ifDescr", "walk-search"], ["?sort=-value", "walk-sorted"]]) {
      for (const view of ["desktop", "phone"]) {
        await page.setViewportSize(VIEWPORTS[view]);
        await open(page, program, path + query);
        await shot(page, `${tag}-${view}-${name}`, { fullPage: view === "desktop" || name !== "walk" });
        await fits(page);
        await accessible(page);
      }
    }
    await page.setViewportSize(VIEWPORTS.desktop);
    await open(page, program, path);
    for (const [link, lines] of [["CSV", 2_001], ["TXT", 2_000]]) {
      const [download] = await Promise.all([page.waitForEvent("download"), page.click(`main a[download]:has-text("${link}")`)]);
      const file = join(dir, `${tag}-${link}`);
      await download.saveAs(file);
      const text = readFileSync(file, "utf8");
      assert.equal(text.trimEnd().split("\n").length, lines, link);
      assert.doesNotMatch(text, /sesame/);
    }
    await open(page, program, "/assets/switch/device");
    await shot(page, `${tag}-desktop-device-walks`, { fullPage: true });
    page.made.clean();
  });
}

test("a walk is begun with the keyboard, and what went wrong is named", LIMIT, async () => {
  const page = await signedIn(chrome, program, { lang: "zh-CN", allow: [/422/] });
  await walk(page, "switch", "sysName.0", async () => { await page.press("#f-oid", "Enter"); });
  assert.match(await main(page), /core-48/);
  await walk(page, "switch", "lldpRemTable");
  assert.match(await main(page), /没有内容/);
  await shot(page, "zh-desktop-walk-nothing");
  await walk(page, "silent", "system");
  assert.match(await main(page), /端口不可达|超时没有应答/);
  await shot(page, "zh-desktop-walk-failed");
  await accessible(page);
  await open(page, program, "/assets/switch/device");
  await page.fill("#f-oid", "ifTabel");
  await page.press("#f-oid", "Enter");
  await page.waitForSelector("#e-oid");
  assert.match(await page.textContent("#e-oid"), /不是 OID/);
  assert.equal(await page.inputValue("#f-oid"), "ifTabel");
  await page.setViewportSize(VIEWPORTS.phone);
  await shot(page, "zh-phone-walk-wrong", { fullPage: true });
  await fits(page);
  await accessible(page);
  page.made.clean();
});

test("a page misses nothing: not while its stream begins, not while it fetches", LIMIT, async () => {
  const page = await signedIn(chrome, program, { lang: "en" });
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  let streams = 0;
  // The stream begins long after the walk has ended.
  await page.route(/\/live\?after=/, async (route) => { streams++; await wait(5_000); await route.continue().catch(() => undefined); });
  await walk(page, "switch", "sysName.0");
  assert.match(await main(page), /core-48/);
  assert.ok(streams > 0);
  await page.unroute(/\/live\?after=/);
  // What is fetched again comes late, from before the end.
  await page.route(/\/walks\/[\w-]+$/, async (route) => {
    if (!(await route.request().headerValue("hx-request"))) return route.continue();
    const answer = await route.fetch().catch(() => undefined);
    await wait(1_500);
    return (answer ? route.fulfill({ response: answer }) : route.abort()).catch(() => undefined);
  });
  await walk(page, "switch", "mib-2");
  assert.match(await main(page), /the first 2000 variables/);
  // What is told after the end, while the end is fetched, puts no page into the page.
  await page.evaluate(() => ["walks", "walks"].forEach((topic) => document.body.dispatchEvent(new CustomEvent(`live-${topic}`))));
  await wait(4_000);
  assert.equal(await page.locator("h1").count(), 1);
  page.made.clean();
});

test("without scripts a walk is loaded again by its link", LIMIT, async () => {
  const page = await signedIn(chrome, program, { lang: "en", scripts: false });
  await open(page, program, "/assets/switch/device");
  await page.fill("#f-oid", "ifName");
  await Promise.all([page.waitForURL(/\/walks\/[\w-]+$/), page.click("#walk button[type=submit]")]);
  await until("the end", async () => {
    if (!(await page.$("main progress"))) return true;
    await page.click("main p > a");
    return false;
  }, 60);
  assert.match(await main(page), /XGE0\/0\/48/);
  page.made.clean();
});

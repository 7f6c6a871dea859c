// The register as an office keeps it, through the page: a workbook with a title row and a bad line, then a list in
// GBK with changes. Communities are never shown again, and what is applied is in the list of assets.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gbk, xlsx } from "./sheets.mjs";
import { LIMIT, accessible, browser, fits, open, shot, signedIn, start } from "./rig.mjs";

const COMMUNITY = "S3cr3t-Community-42";
const HEAD = ["设备名称", "管理IP", "类型", "单位", "位置", "责任人", "团体名", "备注"];
const ROWS = [
  ["阿克苏地区核心交换机", "10.65.0.1", "交换机", "地区电子政务办公室", "行署机房 A1", "王建国", COMMUNITY, ""],
  ["库车市出口防火墙", "10.65.2.2", "防火墙", "库车市电子政务办公室", "政务中心", "马晓东", COMMUNITY, ""],
  ["<script>alert(1)</script>", "10.65.2.9", "服务器", "=cmd|' /C calc'!A0", "", "", "", ""],
  ["没有地址的设备", "10.65.0.256", "交换机", "地区电子政务办公室", "", "", "", ""],
];

let program, chrome;
before(async () => {
  program = await start();
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await program?.stop();
});

async function upload(page, name, mimeType, buffer) {
  await open(page, program, "/import");
  await page.setInputFiles("input[type=file][name=file]", { name, mimeType, buffer });
  await Promise.all([page.waitForNavigation(), page.click("form[action='/import'] button[type=submit]")]);
  await page.waitForSelector("#rows");
  const tiles = await page.$$eval("main .tiles .tile", (all) => all.map((tile) => tile.querySelector("b").textContent.trim()));
  return Object.fromEntries(["added", "changed", "same", "bad"].map((name, at) => [name, Number(tiles[at])]));
}

async function apply(page) {
  await Promise.all([page.waitForNavigation(), page.click("main form[action$='/apply'] button[type=submit]")]);
  assert.match(page.url(), /said=applied/);
}

test("a workbook and a list in GBK come in through the page", LIMIT, async () => {
  const page = await signedIn(chrome, program, { lang: "zh-CN" });
  const kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
  const found = await upload(page, "台账.xlsx", kind, xlsx([["2026 年设备台账"], HEAD, ...ROWS]));
  assert.deepEqual(found, { added: 3, changed: 0, same: 0, bad: 1 });
  const preview = await page.content();
  assert.ok(!preview.includes(COMMUNITY), "a community is not shown");
  assert.match(await page.textContent("#rows"), /10\.65\.0\.256/, "the bad row says what is wrong");
  assert.equal(await page.evaluate(() => document.querySelectorAll("main script").length), 0);
  await accessible(page);
  await shot(page, "zh-desktop-import-preview", { fullPage: true });
  await page.setViewportSize({ width: 360, height: 740 });
  await fits(page);
  await page.setViewportSize({ width: 1366, height: 768 });
  const bad = await page.request.get(page.url().split("?")[0] + "/bad.xlsx");
  assert.equal(bad.status(), 200);
  assert.equal((await bad.body()).subarray(0, 2).toString(), "PK");
  await apply(page);
  await page.made.clean();

  const changed = ROWS.slice(0, 3).map((row) => [...row]);
  changed[0][4] = "行署机房 B2";
  const list = [HEAD, ...changed, ["沙雅县接入交换机", "10.65.4.3", "交换机", "沙雅县电子政务办公室", "县政府", "", "", ""]];
  const csv = gbk(list.map((row) => row.map((cell) => (/[",]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")).join("\r\n"));
  assert.deepEqual(await upload(page, "台账.csv", "text/csv", csv), { added: 1, changed: 1, same: 2, bad: 0 });
  assert.match(await page.textContent("#rows"), /行署机房 B2/);
  await apply(page);

  await open(page, program, "/assets");
  const assets = await page.textContent("main");
  for (const name of ["阿克苏地区核心交换机", "库车市出口防火墙", "沙雅县接入交换机", ROWS[2][0]]) assert.ok(assets.includes(name), name);
  const secrets = await program.run(["secret", "list"]);
  assert.equal(secrets.trim().split("\n").filter((line) => line.includes("snmp-v2c")).length, 1, secrets);
  await open(page, program, "/audit");
  assert.ok(!(await page.content()).includes(COMMUNITY));
  page.made.clean();
});

test("a file that is none is refused beside its field", LIMIT, async () => {
  const page = await signedIn(chrome, program, { lang: "en", allow: [/^422: POST/, /status of 422/] });
  await open(page, program, "/import");
  await page.setInputFiles("input[type=file][name=file]", { name: "x.xlsx", mimeType: "application/octet-stream", buffer: Buffer.from("PK\x03\x04 not a workbook") });
  await Promise.all([page.waitForNavigation(), page.click("form[action='/import'] button[type=submit]")]);
  await page.waitForSelector("#e-file");
  await accessible(page);
  page.made.clean();
});

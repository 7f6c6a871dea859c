// The first hour with a console: the one-time link, the first account, in and out, a wrong password, the lock.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LIMIT, accessible, browser, context, fits, open, shot, start } from "./rig.mjs";

const PASSWORD = "Kizilgaha-1900-tower";

let program, chrome;
before(async () => {
  program = await start();
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await program?.stop();
});

const path = (page) => new URL(page.url()).pathname;

async function signIn(page, name, password) {
  await page.fill("#f-name", name);
  await page.fill("#f-password", password);
  await Promise.all([page.waitForNavigation(), page.click("main form button[type=submit]")]);
}

test("the link that was printed leads through the set-up, once", LIMIT, async () => {
  const own = await context(chrome, program, { lang: "zh-CN", allow: [/^422: POST/, /status of 422/] });
  const page = await own.newPage();
  await page.goto(program.link());
  assert.equal(path(page), "/setup/account");
  await accessible(page);
  await shot(page, "zh-desktop-setup-account");

  // The server's own errors stand beside the fields, and what was written is still there.
  await page.fill("#f-name", "lei");
  await page.fill("#f-password", "short");
  await page.fill("#f-again", "short");
  await page.click("main form button[type=submit]");
  await page.waitForSelector("#e-password");
  assert.equal(await page.inputValue("#f-name"), "lei");
  assert.equal(await page.inputValue("#f-password"), "", "a password is never sent back");
  await accessible(page);

  await page.fill("#f-display", "雷工");
  await page.fill("#f-password", PASSWORD);
  await page.fill("#f-again", PASSWORD);
  await Promise.all([page.waitForNavigation(), page.click("main form button[type=submit]")]);
  assert.match(path(page), /^\/setup\//);

  // Every step of the wizard stands, in both languages and on a telephone.
  await open(page, program, "/setup?list=1");
  const steps = await page.$$eval("main a[href^='/setup/']", (all) => [...new Set(all.map((a) => a.getAttribute("href")))]);
  assert.ok(steps.length >= 1, "there are steps");
  for (const lang of ["zh-CN", "en"]) {
    await own.addCookies([{ name: "lang", value: lang, url: program.url }]);
    for (const step of steps) {
      await page.setViewportSize({ width: 1366, height: 768 });
      assert.equal((await open(page, program, step)).status(), 200, step);
      await accessible(page, `${step} ${lang}`);
      await shot(page, `${lang === "en" ? "en" : "zh"}-desktop${step.replaceAll("/", "-")}`);
      await page.setViewportSize({ width: 360, height: 740 });
      await fits(page);
      own.clean();
    }
  }

  const second = await context(chrome, program, { allow: [/^403: GET .*\/welcome/, /status of 403/] });
  const late = await second.newPage();
  const answer = await late.goto(program.link());
  assert.equal(answer.status(), 403, "the link works once");
  second.clean();
});

test("in by password and out again, and what is wrong is not told apart", LIMIT, async () => {
  const own = await context(chrome, program, { lang: "en", allow: [/^422: POST .*\/signin/, /status of 422/] });
  const page = await own.newPage();
  await open(page, program, "/incidents?state=all");
  assert.equal(path(page), "/signin", "a page sends there who is not signed in");
  await accessible(page);
  await shot(page, "en-desktop-signin");

  await signIn(page, "lei", "not the password");
  const wrong = await page.textContent(".note.bad");
  await signIn(page, "nobody", "not the password");
  assert.equal(await page.textContent(".note.bad"), wrong, "an unknown name reads the same");
  await signIn(page, "lei", PASSWORD);
  assert.equal(path(page), "/incidents", "and back to where one wanted to go");
  assert.match(await page.textContent(".corner"), /雷工/);
  await Promise.all([page.waitForNavigation(), page.click("form[action='/signout'] button")]);
  await open(page, program, "/");
  assert.equal(path(page), "/signin");
  own.clean();
});

test("five wrong passwords lock the account, and the page says until when", LIMIT, async () => {
  const own = await context(chrome, program, { lang: "zh-CN", allow: [/^422: POST .*\/signin/, /status of 422/] });
  const page = await own.newPage();
  await open(page, program, "/signin");
  for (let tries = 0; tries < 6; tries += 1) await signIn(page, "lei", `wrong ${tries}`);
  const said = await page.textContent(".note.bad");
  assert.match(said, /锁定/);
  assert.match(said, /\d{4}-\d\d-\d\d/, "until when");
  await signIn(page, "lei", PASSWORD);
  assert.match(await page.textContent(".note.bad"), /锁定/, "the right one does not open it now");
  await shot(page, "zh-desktop-locked");
  own.clean();
});

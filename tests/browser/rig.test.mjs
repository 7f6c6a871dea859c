// The rig catches what it is there to catch: a test that cannot fail says nothing.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LIMIT, accessible, browser, context, fits, open, start } from "./rig.mjs";

let program;
before(async () => { program = await start(); });
after(async () => { await program?.stop(); });

for (const which of ["new", "old"]) {
  test(`planted faults are caught in the ${which} browser`, LIMIT, async () => {
    const chrome = await browser(which);
    try {
      const own = await context(chrome, program, { lang: "en" });
      const page = await own.newPage();
      await open(page, program, "/signin");
      own.clean();
      await accessible(page);
      await fits(page);

      const plant = async (what, script, pattern) => {
        await page.evaluate(script);
        await page.waitForTimeout(200);
        assert.ok(own.faults().some((fault) => pattern.test(fault)), `${what}: ${own.faults().join("; ") || "nothing was caught"}`);
        assert.throws(() => own.clean(), /may not happen/);
      };
      await plant("an error in the console", "console.error('planted')", /planted/);
      await plant("an error in a script", "void setTimeout(() => { throw new Error('thrown'); }, 0)", /page error: .*thrown/s);
      await plant("a script in the page", "{ const s = document.createElement('script'); s.textContent = 'window.x = 1'; document.body.append(s); }", /CSP|Content Security Policy/);
      await plant("a style in the page", "document.body.insertAdjacentHTML('beforeend', '<p style=\"color:red\">x</p>')", /CSP|Content Security Policy/);
      await plant("a request elsewhere", "{ const i = new Image(); i.src = 'http://127.0.0.9:9/x.png'; }", /127\.0\.0\.9/);
      await plant("a request that is refused", "void fetch('/nowhere')", /404/);

      await page.evaluate("document.querySelectorAll('label').forEach((l) => l.remove())");
      await assert.rejects(accessible(page), /critical label|serious label/);
      await page.evaluate("{ const wide = document.createElement('div'); wide.textContent = 'w'.repeat(4000); document.querySelector('main').append(wide); }");
      await assert.rejects(fits(page), /px wide/);
    } finally {
      await chrome.close();
    }
  });
}

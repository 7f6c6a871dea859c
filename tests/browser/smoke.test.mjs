// The newest and the oldest browser: comes in by the link, sees every page of the navigation, breaks nothing.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { navigation } from "./pages.mjs";
import { LIMIT, browser, open, signedIn, start, until } from "./rig.mjs";

describe("a console of its own", () => {
  let program;
  before(async () => { program = await start(); });
  after(async () => { await program?.stop(); });

  for (const which of ["new", "old"]) {
    test(`the ${which} browser comes in and goes round`, LIMIT, async () => {
      const chrome = await browser(which);
      try {
        const page = await signedIn(chrome, program);
        const paths = await navigation(page, program);
        for (const path of paths) {
          const answer = await open(page, program, path);
          assert.equal(answer.status(), 200, path);
          assert.match(answer.headers()["content-security-policy"], /default-src 'self'/);
        }
        // The stream of changes stands: the sign says so.
        await until("the live sign", () => page.evaluate(() => document.querySelector("#live:not(.lost)") !== null));
        page.made.clean();
      } finally {
        await chrome.close();
      }
    });
  }
});

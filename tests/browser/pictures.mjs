// Makes the pictures of the README: `node tests/browser/pictures.mjs`. The demo runs until something has happened,
// so that they show a network that lives; they go to docs/images and stay under 200 KB each.
import { mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { VIEWPORTS, browser, open, signedIn, start, until } from "./rig.mjs";

const MAX_BYTES = 200_000;
const OUT = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "docs", "images");
// So long the demo runs before.
const PAST_SECONDS = Number(process.env.PAST_SECONDS ?? 180);

// An incident of a backbone line: it has symptoms, and two counties are concerned.
const CUT = "table.grid tr:has(a[href*='/links/aks-']) a.strong[href^='/incidents/']";

const program = await start("--demo", "--demo-net", "94");
const chrome = await browser();
try {
  mkdirSync(OUT, { recursive: true });
  const page = await signedIn(chrome, program, { lang: "zh-CN" });
  // Charts want some past, and the cable that is cut stands for half a minute only.
  await page.waitForTimeout(PAST_SECONDS * 1000);
  await until("a link that is down", async () => {
    await open(page, program, "/incidents?severity=only-critical");
    const found = await page.$(CUT);
    if (!found) await page.waitForTimeout(2000);
    return found;
  }, 300);
  for (const lang of ["zh-CN", "en"]) {
    const tag = lang === "en" ? "en" : "zh";
    await page.made.addCookies([{ name: "lang", value: lang, url: program.url }]);
    const take = async (name, path, view = "desktop") => {
      await page.setViewportSize(VIEWPORTS[view]);
      await open(page, program, path);
      // Charts draw after the page stands, those that are in the window first.
      const charts = page.locator("figure.chart");
      if (await charts.count()) await charts.first().locator("canvas").waitFor();
      await page.waitForTimeout(3000);
      const file = join(OUT, `${name}-${tag}.png`);
      await page.screenshot({ path: file });
      const { size } = statSync(file);
      console.log(`${file}: ${size} bytes`);
      if (size > MAX_BYTES) throw new Error(`${file} has ${size} bytes, more than ${MAX_BYTES}`);
    };
    await take("overview", "/");
    await take("inbox", "/incidents");
    await open(page, program, "/incidents?severity=only-critical&state=all");
    const incident = await page.locator(CUT).first().getAttribute("href");
    await take("incident", incident);
    await take("incident-phone", incident, "phone");
    await take("device", "/assets/aks-core-1");
  }
  page.made.clean();
} finally {
  await chrome.close();
  await program.stop();
}

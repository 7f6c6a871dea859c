// What tests of pages share: which pages there are, as the navigation and the lists themselves say.
import assert from "node:assert/strict";
import { open, until } from "./rig.mjs";

/** The addresses in the navigation, as this person sees it. */
export async function navigation(page, program) {
  await open(page, program, "/");
  const all = await page.$$eval("nav.side a[href]", (links) => links.map((a) => a.getAttribute("href")));
  const paths = [...new Set(all)];
  assert.ok(paths.length >= 6, `the navigation has ${paths}`);
  return paths;
}

/** The first link of a list that leads to one of its things, once there is one. */
export async function firstOf(page, program, path, seconds = 90) {
  return until(`something in ${path}`, async () => {
    await open(page, program, path);
    const links = await page.$$eval("main a[href]", (all) => all.map((a) => a.getAttribute("href")));
    return links.map((link) => link.split(/[?#]/)[0]).find((link) => new RegExp(`^${path}/[^/?#]+$`).test(link) && !/\/(new|add|export|template|heat)$/.test(link));
  }, seconds);
}

/** A name for a picture out of an address. */
export const slug = (path) => path.replace(/^\/|\/$/g, "").replace(/[^\w]+/g, "-").slice(0, 24) || "overview";

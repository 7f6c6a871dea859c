// What every page runs: the stream of changes, selection in tables, filters that send themselves, buttons that
// copy, charts when there are any. Without it every page still works as plain links and forms.
import htmx from "htmx.org";
import "idiomorph/htmx";

import { follow } from "./live";
import { tables } from "./tables";
import { charts } from "./charts";
import { small } from "./small";

declare global {
  interface Window { htmx: typeof htmx }
}
window.htmx = htmx;

// Once for the page, and again for what is put into it later.
function dress(root: ParentNode): void {
  tables(root);
  charts(root);
  small(root);
}

document.addEventListener("DOMContentLoaded", () => {
  dress(document);
  follow();
});
document.body?.addEventListener("htmx:afterSettle", (event) => dress(event.target as HTMLElement));
// A person who selects rows or writes into a field is not interrupted by a region that is fetched again.
document.addEventListener("htmx:beforeRequest", (event) => {
  const region = event.target as HTMLElement;
  if (!region.classList.contains("region")) return;
  const busy = region.querySelector("input[type=checkbox][name=id]:checked, details[open] form, dialog[open]");
  const active = document.activeElement;
  const writing = active instanceof HTMLElement && region.contains(active) && active.matches("input:not([type=checkbox]), textarea, select");
  if (busy || writing) event.preventDefault();
});

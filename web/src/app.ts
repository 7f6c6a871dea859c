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
// A person who selects rows or writes into a form is not interrupted by a region that is fetched again: neither
// before it is asked for, nor when the answer comes and the person has begun meanwhile.
function occupied(region: HTMLElement): boolean {
  if (region.querySelector("input[type=checkbox][name=id]:checked, details[open] form, dialog[open]")) return true;
  const active = document.activeElement;
  if (active instanceof HTMLElement && region.contains(active) && active.matches("input:not([type=checkbox]), textarea, select")) return true;
  return [...region.querySelectorAll<HTMLFormElement>("form[method=post]")].some((form) => [...form.elements].some(written));
}

function written(field: Element): boolean {
  if (field instanceof HTMLTextAreaElement) return field.value !== field.defaultValue;
  if (field instanceof HTMLInputElement) return !["hidden", "checkbox", "radio"].includes(field.type) && field.value !== field.defaultValue;
  if (field instanceof HTMLSelectElement) return field.selectedIndex !== Math.max(0, [...field.options].findIndex((o) => o.defaultSelected));
  return false;
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const region = event.target as HTMLElement;
  // One that ended while this waited has nothing more to fetch.
  if (!region.hasAttribute("hx-get") || (region.classList.contains("region") && occupied(region))) event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", (event) => {
  const region = event.target as HTMLElement;
  if (region.classList.contains("region") && occupied(region)) (event as CustomEvent<{ shouldSwap: boolean }>).detail.shouldSwap = false;
});

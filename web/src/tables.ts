// Selection of rows: all of a page at once, and how many are selected.
export function tables(root: ParentNode): void {
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-bulk]:not([data-dressed])")) {
    form.dataset.dressed = "1";
    form.addEventListener("change", (event) => {
      const boxes = [...form.querySelectorAll<HTMLInputElement>("input[name=id]")];
      const changed = event.target as HTMLInputElement;
      if (changed.matches("[data-all]")) for (const box of boxes) box.checked = changed.checked;
      const n = boxes.filter((box) => box.checked).length;
      const all = form.querySelector<HTMLInputElement>("[data-all]");
      if (all) {
        all.checked = n > 0 && n === boxes.length;
        all.indeterminate = n > 0 && n < boxes.length;
      }
      const words = form.querySelector<HTMLElement>("[data-selected]");
      if (words) {
        words.dataset.none ??= words.textContent ?? "";
        words.textContent = n ? (words.dataset.selected ?? "").replace("{n}", String(n)) : words.dataset.none;
      }
    });
  }
}

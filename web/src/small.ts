// Small conveniences: filters that send themselves when something is chosen, text that copies itself, forms
// that are sent once, fields of time that begin at a fair value.
export function small(root: ParentNode): void {
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-auto]:not([data-dressed])")) {
    form.dataset.dressed = "1";
    form.addEventListener("change", (event) => {
      if ((event.target as HTMLElement).matches("select, input[type=checkbox]")) form.requestSubmit();
    });
    // What is empty does not belong into the address.
    form.addEventListener("submit", () => {
      for (const field of form.querySelectorAll<HTMLInputElement | HTMLSelectElement>("input, select")) {
        if (field.value === "") field.disabled = true;
      }
    });
  }
  for (const button of root.querySelectorAll<HTMLButtonElement>("button[data-copy]:not([data-dressed])")) {
    button.dataset.dressed = "1";
    button.addEventListener("click", () => {
      const source = document.getElementById(button.dataset.copy ?? "");
      if (!source) return;
      copy(source).then(() => {
        const before = button.textContent;
        button.textContent = button.dataset.done ?? before;
        setTimeout(() => { button.textContent = before; }, 2000);
      }, () => undefined);
    });
  }
  for (const button of root.querySelectorAll<HTMLButtonElement>("button[data-print]:not([data-dressed])")) {
    button.dataset.dressed = "1";
    button.addEventListener("click", () => window.print());
  }
  for (const form of root.querySelectorAll<HTMLFormElement>("form[method=post]:not([data-once])")) {
    form.dataset.once = "1";
    form.addEventListener("submit", () => {
      // After the browser has read the form, or the pressed button would be missing in it.
      setTimeout(() => { for (const button of form.querySelectorAll("button")) button.disabled = true; }, 0);
    });
  }
}

async function copy(source: HTMLElement): Promise<void> {
  const text = source instanceof HTMLTextAreaElement ? source.value : (source.textContent ?? "");
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  // Plain HTTP from another machine has no clipboard: select the text and let the browser copy it.
  if (source instanceof HTMLTextAreaElement) source.select();
  else window.getSelection()?.selectAllChildren(source);
  document.execCommand("copy");
}

// Behaviour that a data attribute asks for, listened for on the document so that fragments need no set-up.

const show = (element, on) => element.toggleAttribute("hidden", !on);

// data-dialog="id" opens; a click on the backdrop or on [data-close] closes.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) {
    event.preventDefault();
    document.getElementById(opener.dataset.dialog).showModal();
    return;
  }
  const dialog = event.target.closest("dialog");
  if (dialog && (event.target === dialog || event.target.closest("[data-close]"))) dialog.close();
});

// A menu is a popover that opens under its button, wherever a scrolling table would clip it.
document.addEventListener(
  "toggle",
  (event) => {
    if (event.newState !== "open" || !event.target.matches(".menu-list")) return;
    const menu = event.target;
    const button = document.querySelector(`[popovertarget="${menu.id}"]`).getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = menu;
    const above = button.bottom + height + 8 > innerHeight && button.top > height;
    menu.style.top = `${above ? button.top - height - 4 : button.bottom + 4}px`;
    const left = menu.dataset.align === "start" ? button.left : button.right - width;
    menu.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
    menu.querySelector("a, button")?.focus();
  },
  true,
);
document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.(".menu-list");
  if (!menu || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  event.preventDefault();
  const items = [...menu.querySelectorAll("a, button")];
  const step = event.key === "ArrowDown" ? 1 : -1;
  items.at((items.indexOf(document.activeElement) + step) % items.length).focus();
});

document.addEventListener("change", (event) => {
  const { target } = event;
  if (target.matches("[data-submit-on-change]")) target.form.requestSubmit();
  for (const part of target.form?.querySelectorAll("[data-toggle-by]") ?? []) {
    if (part.dataset.toggleBy === target.name) toggle(part);
  }
});

function toggle(part) {
  const fields = [...part.closest("form").elements].filter((field) => field.name === part.dataset.toggleBy);
  const values = fields
    .filter((field) => !["checkbox", "radio"].includes(field.type) || field.checked)
    .map((field) => field.value);
  const on = part.dataset.toggleValue.split(" ").some((value) => values.includes(value));
  show(part, on);
  // What is hidden is neither validated nor sent.
  for (const field of part.querySelectorAll("input, select, textarea")) field.disabled = !on;
}

document.addEventListener("input", ({ target }) => {
  if (target.dataset?.count) tellCount(target);
});

function tellCount(field) {
  document.getElementById(field.dataset.count).textContent = field.value.length;
}

// Typing that would be lost is asked about; a submitted form is not.
const typing = new Set();
document.addEventListener("input", ({ target }) => {
  const form = target.closest("form[data-confirm-leave]");
  if (form) typing.add(form);
});
addEventListener("beforeunload", (event) => {
  if ([...typing].some((form) => form.isConnected)) event.preventDefault();
});

// A plain form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  typing.delete(form);
  if (event.defaultPrevented || form.method !== "post" || !submitter) return;
  if (submitter.hasAttribute("aria-busy")) {
    event.preventDefault();
    return;
  }
  submitter.setAttribute("aria-busy", "true");
  // A download never leaves the page, so the button comes back by itself.
  setTimeout(() => submitter.removeAttribute("aria-busy"), 5000);
});
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form [aria-busy]")) button.removeAttribute("aria-busy");
});

function prepare(root) {
  for (const part of root.querySelectorAll("[data-toggle-by]")) toggle(part);
  for (const field of root.querySelectorAll("[data-count]")) tellCount(field);
}
document.addEventListener("htmx:load", ({ detail }) => prepare(detail.elt));

// A new workspace most likely keeps the hours of the person who makes it.
for (const select of document.querySelectorAll("select[data-own-time-zone]")) {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  if ([...select.options].some((option) => option.value === timeZone)) select.value = timeZone;
}

// Pieces with a state of their own, named by x-data in the partials.
import Alpine from "@alpinejs/csp";
import { storedTheme, storeTheme } from "./theme-store.js";
import { settle } from "./toasts.js";

// A value to copy; where it is secret, it is dotted until asked for.
Alpine.data("copyable", () => ({
  copied: false,
  shown: false,
  toggle() {
    this.shown = !this.shown;
  },
  get text() {
    return this.shown ? this.$root.dataset.value : "•".repeat(24);
  },
  get verb() {
    return this.shown ? "Hide" : "Show";
  },
  get announced() {
    return this.copied ? "Copied" : "";
  },
  async copy() {
    await navigator.clipboard.writeText(this.$root.dataset.value);
    this.copied = true;
    setTimeout(() => (this.copied = false), 2000);
  },
}));

Alpine.data("theme", () => ({
  chosen: storedTheme(),
  choose() {
    this.chosen = this.$el.value;
    storeTheme(this.chosen);
    document.dispatchEvent(new CustomEvent("themechange"));
  },
  is() {
    return this.chosen === this.$el.value;
  },
}));

Alpine.data("typed", () => ({
  word: "",
  get wrong() {
    return this.word.trim() !== this.$root.dataset.word;
  },
}));

// How long the sections of a text are together, with their headings, against data-most. The server
// counts the same way (readiness.drafting.whole).
Alpine.data("tally", () => ({
  length: 0,
  init() {
    this.count();
    this.$root.addEventListener("input", () => this.count());
  },
  count() {
    const parts = [...this.$root.querySelectorAll("textarea[data-heading]")]
      .filter((area) => area.value.trim())
      .map((area) => `${area.dataset.heading}\n${area.value.trim()}`);
    this.length = [...parts.join("\n\n")].length;
  },
  get over() {
    return this.length > Number(this.$root.dataset.most);
  },
  get words() {
    const most = Number(this.$root.dataset.most);
    const told = `${this.length.toLocaleString("en")} of ${most.toLocaleString("en")} characters`;
    return this.over ? `${told}: too long for AWS` : told;
  },
}));

// Rows are ticked in the table, told in the bar; shift-click ticks a range.
Alpine.data("selection", () => ({
  count: 0,
  last: null,
  get none() {
    return this.count === 0;
  },
  get noun() {
    return this.count === 1 ? this.$el.dataset.one : this.$el.dataset.more;
  },
  boxes() {
    return [...this.$root.querySelectorAll("input[name=selected]")];
  },
  init() {
    this.$root.addEventListener("click", (event) => {
      if (event.target.name === "selected") this.pick(event);
    });
    this.$root.addEventListener("htmx:afterSettle", () => this.tell());
    this.tell();
  },
  pick(event) {
    const box = event.target;
    const boxes = this.boxes();
    if (event.shiftKey && this.last) {
      const [from, to] = [boxes.indexOf(this.last), boxes.indexOf(box)].sort((a, b) => a - b);
      for (const between of boxes.slice(Math.max(from, 0), to + 1)) between.checked = box.checked;
    }
    this.last = box;
    this.tell();
  },
  all(event) {
    for (const box of this.boxes()) box.checked = event.target.checked;
    this.tell();
  },
  clear() {
    for (const box of this.boxes()) box.checked = false;
    this.tell();
  },
  tell() {
    const boxes = this.boxes();
    this.count = boxes.filter((box) => box.checked).length;
    const head = this.$root.querySelector("[data-select-all]");
    if (!head) return;
    head.checked = this.count > 0 && this.count === boxes.length;
    head.indeterminate = this.count > 0 && this.count < boxes.length;
  },
}));

Alpine.data("toast", () => ({
  init() {
    settle(this.$root);
  },
  close() {
    this.$root.remove();
  },
}));

Alpine.start();

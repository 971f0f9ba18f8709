// htmx: the CSRF header, busy buttons, failures in words, toasts that the server asks for.
import htmx from "htmx.org";
import { toast } from "./toasts.js";

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.verb === "get") return;
  detail.headers["X-CSRFToken"] = document.querySelector("meta[name=csrf-token]").content;
});

const busy = (event, on) => {
  const { elt, requestConfig } = event.detail;
  const submitter = requestConfig?.triggeringEvent?.submitter;
  const button = submitter ?? (elt.matches("button") ? elt : null);
  if (!button) return;
  button.disabled = on;
  button.toggleAttribute("aria-busy", on);
};

document.addEventListener("htmx:beforeSend", (event) => busy(event, true));
document.addEventListener("htmx:afterRequest", (event) => busy(event, false));

// What refreshes itself waits while nobody looks, or while a dialog or menu inside it is open.
const polls = (element) => element.getAttribute("hx-trigger")?.startsWith("every");
const held = (element) => document.hidden || element.querySelector("dialog[open], :popover-open");
// After two minutes it asks every ten seconds, until somebody comes back to the page.
const BRISK_MS = 120_000;
const SLOW_MS = 9_500; // the ticks of the trigger are no more exact
let looked = Date.now();
document.addEventListener("visibilitychange", () => (looked = Date.now()));
const asked = new WeakMap();
const rests = (element) =>
  Date.now() - looked > BRISK_MS && Date.now() - (asked.get(element) ?? 0) < SLOW_MS;
document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt } = event.detail;
  if (!polls(elt)) return;
  if (held(elt) || rests(elt)) event.preventDefault();
  else asked.set(elt, Date.now());
});
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { elt } = detail.requestConfig;
  const ended = detail.xhr.status === 286;
  if (!ended && polls(elt) && held(elt)) detail.shouldSwap = false;
});

document.addEventListener("htmx:sendError", () =>
  toast("The server could not be reached. Check your connection and try again.", "error"),
);
document.addEventListener("htmx:responseError", ({ detail }) => {
  const { status } = detail.xhr;
  if (status === 401 || status === 403) {
    toast("You are not allowed to do this, or your session ended. Reload the page.", "error");
  } else if (status === 404) {
    toast("This is no longer there. Reload the page.", "error");
  } else {
    toast(`The server answered ${status}. Nothing was lost; try again in a moment.`, "error");
  }
});

// HX-Trigger: {"toast": {"text": "Saved", "tone": "success"}}
document.addEventListener("toast", ({ detail }) => toast(detail.text, detail.tone));

// A fragment that names a field in error brings the focus to it.
htmx.onLoad((fragment) => fragment.querySelector?.("[data-error-summary]")?.focus());

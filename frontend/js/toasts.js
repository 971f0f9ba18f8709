const seconds = 8;

/** Shows a message in the corner; an error stays until it is closed. */
export function toast(text, tone = "info") {
  const template = document.getElementById("toast-template");
  const item = template.content.firstElementChild.cloneNode(true);
  item.dataset.tone = tone;
  item.querySelector("[data-text]").textContent = text;
  document.getElementById("toasts").append(item);
  settle(item);
}

/** Makes a toast go by itself, unless it tells of an error or is being read. */
export function settle(item) {
  if (item.dataset.tone === "error") return;
  const later = () => {
    if (item.matches(":hover, :focus-within")) setTimeout(later, 1000);
    else item.remove();
  };
  setTimeout(later, seconds * 1000);
}

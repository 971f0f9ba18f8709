// A sign-up form on somebody else's page: draws it, answers its captcha, sends it as JSON.
// The page holds <div data-bluefox-form="ID"></div> and this script, asked for as …/f/ID/embed.js.
const { src } = document.currentScript;
const [, origin, id] = src.match(/^(https?:\/\/[^/]+)\/f\/([\w-]+)\/embed\.js/);
const address = `${origin}/api/v1/forms/${id}`;
const QUICKEST_MS = 2_200; // the server takes nothing that was filled in faster
const shown = Date.now();

const place = document.querySelector(`[data-bluefox-form="${id}"]`) ?? document.createElement("div");
if (!place.isConnected) document.currentScript.after(place);

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const styled = (element, style) => Object.assign(element.style, style) && element;
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const stacked = { display: "grid", gap: "0.25rem", justifyItems: "start" };

function question({ name, label, required, kind }) {
  const autocomplete = { first_name: "given-name", last_name: "family-name" }[name] ?? "on";
  if (kind === "boolean") {
    return make("label", {}, make("input", { type: "checkbox", name, required }), ` ${label}`);
  }
  const type = kind === "date" ? "date" : "text";
  const input = make("input", { type, name, required, autocomplete });
  if (kind === "number") input.inputMode = "decimal";
  return styled(make("label", {}, label, input), stacked);
}

const choice = (list) =>
  make(
    "label",
    {},
    make("input", { type: "checkbox", name: "lists", value: list.id, checked: list.ticked }),
    ` ${list.name}`,
  );

// --- captcha ------------------------------------------------------------------------------------

const toHex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const fromHex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));

// ALTCHA: the counter whose derived key begins as asked; the browser derives off the main thread.
async function solve(challenge) {
  const { nonce, salt, cost, keyLength, keyPrefix } = challenge.parameters;
  const head = fromHex(nonce);
  const parameters = { name: "PBKDF2", hash: "SHA-256", salt: fromHex(salt), iterations: cost };
  for (let counter = 0; ; counter++) {
    const password = new Uint8Array(head.length + 4);
    password.set(head);
    new DataView(password.buffer).setUint32(head.length, counter);
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const derivedKey = toHex(await crypto.subtle.deriveBits(parameters, key, keyLength * 8));
    if (derivedKey.startsWith(keyPrefix)) {
      return btoa(JSON.stringify({ challenge, solution: { counter, derivedKey } }));
    }
  }
}

const load = (address) =>
  new Promise((resolve, reject) => {
    document.head.append(make("script", { src: address, onload: resolve, onerror: reject }));
  });

const services = { recaptcha_v2: "grecaptcha", turnstile: "turnstile", hcaptcha: "hcaptcha" };

// Returns { answer, again }: the first gives what is posted, the second makes ready for another try.
async function captchaOf(form, { provider, site_key, action, script_url, challenge_url }) {
  const nothing = { answer: () => "", again: () => {} };
  if (provider === "none") return nothing;
  if (provider === "altcha") {
    return { ...nothing, answer: async () => solve(await (await fetch(challenge_url)).json()) };
  }
  if (provider === "recaptcha_v3") {
    await load(script_url);
    await new Promise((resolve) => window.grecaptcha.ready(resolve));
    return { ...nothing, answer: () => window.grecaptcha.execute(site_key, { action }) };
  }
  const box = form.querySelector("[data-captcha]");
  await new Promise((resolve, reject) => {
    window.bluefoxCaptcha = resolve;
    load(`${script_url}?onload=bluefoxCaptcha&render=explicit`).catch(reject);
  });
  const service = window[services[provider]];
  const widget = service.render(box, { sitekey: site_key, ...(action && { action }) });
  return { answer: () => service.getResponse(widget) ?? "", again: () => service.reset(widget) };
}

// --- the form -----------------------------------------------------------------------------------

function bodyOf(form, stamp, captcha) {
  const body = { email: form.elements.email.value, stamp, captcha, website: form.elements.website.value };
  const lists = [...form.querySelectorAll("input[name=lists]")];
  if (lists.length) body.lists = lists.filter((one) => one.checked).map((one) => one.value);
  for (const input of form.querySelectorAll("[data-question] input")) {
    const value = input.type === "checkbox" ? input.checked : input.value;
    if (value === "" || value === false) continue;
    const [group, key] = input.name.split(".");
    if (key) (body[group] ??= {})[key] = value;
    else body[group] = value;
  }
  return body;
}

function draw(described) {
  const email = make("input", { type: "email", name: "email", required: true, autocomplete: "email" });
  const trap = make("input", { name: "website", tabIndex: -1, autocomplete: "off" });
  const hidden = styled(make("div", { ariaHidden: "true" }, make("label", {}, "Leave this field empty", trap)), {
    position: "absolute",
    left: "-9999px",
  });
  const questions = described.questions.map((one) => {
    const drawn = question(one);
    drawn.dataset.question = one.name;
    return drawn;
  });
  const lists = described.lists.length
    ? [make("fieldset", {}, make("legend", {}, "What would you like to get?"), ...described.lists.map(choice))]
    : [];
  for (const fieldset of lists) styled(fieldset, stacked);
  const box = make("div");
  box.dataset.captcha = "";
  const form = make(
    "form",
    { className: "bluefox-form" },
    make("h2", {}, described.title),
    ...(described.intro ? [make("p", {}, described.intro)] : []),
    styled(make("label", {}, "Email address", email), stacked),
    ...questions,
    ...lists,
    hidden,
    box,
    make("p", { className: "bluefox-consent" }, described.consent_wording),
    make("p", { role: "alert", className: "bluefox-error" }),
    make("button", {}, described.button),
  );
  return styled(form, { display: "grid", gap: "0.75rem", justifyItems: "start", position: "relative" });
}

async function describe() {
  const answer = await fetch(address);
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error.message);
  return said;
}

async function send(form, stamp, captcha) {
  await wait(shown + QUICKEST_MS - Date.now());
  const answer = await fetch(`${address}/submissions`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(bodyOf(form, stamp, await captcha.answer())),
  });
  return { taken: answer.status === 202, said: await answer.json() };
}

async function start() {
  let described = await describe();
  const form = draw(described);
  place.replaceChildren(form);
  const captcha = await captchaOf(form, described.captcha);
  const [button, error] = [form.querySelector("button"), form.querySelector("[role=alert]")];

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    error.textContent = "";
    try {
      const { taken, said } = await send(form, described.stamp, captcha);
      if (taken && said.redirect_url) {
        location.assign(said.redirect_url);
      } else if (taken) {
        const thanks = make("p", { role: "status", tabIndex: -1, className: "bluefox-done" }, said.message);
        place.replaceChildren(thanks);
        thanks.focus();
      } else {
        error.textContent = said.error.message;
        captcha.again();
        if (said.error.code === "press_again") {
          described = await describe();
          form.elements.website.value = "";
          form.querySelector(".bluefox-consent").textContent = described.consent_wording;
        }
      }
    } catch {
      error.textContent = "The form could not be sent. Check your connection and try again.";
      captcha.again();
    }
    button.disabled = false;
  });
}

start().catch((error) => {
  // The page of the form works where this script does not: on plain http, or a site not named.
  console.warn(`The sign-up form cannot be shown here: ${error.message}`);
  place.replaceChildren(make("a", { href: `${origin}/f/${id}/` }, "Sign up by mail"));
});

/* Pleasantries for pages that work without them: copy buttons and the theme, changed in place. */
"use strict";

function showCopyButtons(root) {
  if (!navigator.clipboard) return; // only over TLS or on localhost
  root.querySelectorAll("[data-copy]").forEach((button) => (button.hidden = false));
}

async function copy(button) {
  const source = document.querySelector(button.dataset.copy);
  const words = button.querySelector("[data-copy-text]") || button;
  const before = words.dataset.before || words.textContent;
  words.dataset.before = before;
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
    words.textContent = "Copied";
  } catch {
    window.getSelection().selectAllChildren(source);
    words.textContent = "Selected";
  }
  setTimeout(() => (words.textContent = before), 2500);
}

function setTheme(form, button) {
  const root = document.documentElement;
  if (button.value === "system") root.removeAttribute("data-bs-theme");
  else root.setAttribute("data-bs-theme", button.value);
  form.querySelectorAll("[name=theme]").forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
  const body = new FormData(form);
  body.set("theme", button.value);
  fetch(form.action, { method: "POST", body, redirect: "manual" });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

/* Files that the server would refuse are named before they are sent for nothing. What it says is the law all the same. */
function tooMuch(input) {
  const { mostFiles, mostBytes, mostTogether } = input.dataset;
  const files = [...input.files];
  const large = files.find((file) => mostBytes && file.size > mostBytes);
  if (large) return `${large.name} is larger than ${mostBytes / 2 ** 20} MiB. Make it smaller, or share a link.`;
  if (mostFiles && files.length > mostFiles) return `Attach at most ${mostFiles} files to one message.`;
  const together = files.reduce((sum, file) => sum + file.size, 0);
  if (mostTogether && together > mostTogether) return `That is more than ${mostTogether / 1e6} MB at once. Choose fewer files.`;
  return "";
}

function sayTooMuch(input) {
  const sentence = tooMuch(input);
  input.parentElement.querySelectorAll(".field-error").forEach((one) => one.remove());
  input.setAttribute("aria-invalid", String(Boolean(sentence)));
  input.setAttribute("aria-describedby", `${input.id}-hint${sentence ? ` ${input.id}-error` : ""}`);
  if (!sentence) return false;
  const said = document.createElement("p");
  said.id = `${input.id}-error`;
  said.className = "field-error";
  said.role = "alert";
  input.after(said);
  said.textContent = sentence;
  return true;
}

const FILES = "[data-most-files], [data-most-together]";
document.addEventListener("change", (event) => event.target.matches(FILES) && sayTooMuch(event.target));
document.addEventListener(
  "submit",
  (event) => {
    const refused = [...event.target.querySelectorAll(FILES)].find(sayTooMuch);
    if (!refused) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    refused.focus();
  },
  true,
);

/* A double click sends a form once: the second would make a second key, and hide the first. */
document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    if (form.method !== "post" || form.matches("[data-theme-form]")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 3000); // for a form that stays, such as after "back"
  },
  true,
);

document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-theme-form]") && event.submitter) {
    event.preventDefault();
    setTheme(event.target, event.submitter);
  }
});

/* An open menu closes on Escape and on a click elsewhere. */
document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && document.querySelector("details.switcher[open]");
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  document.querySelectorAll("details.switcher[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
});

/* Printing needs a script: the button appears only with one. */
document.querySelectorAll("[data-print]").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
});

showCopyButtons(document);
document.addEventListener("htmx:after:swap", () => showCopyButtons(document));

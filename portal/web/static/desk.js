/* Shortcuts for staff: single keys, while no field has the focus. They can be switched off in the page. */
"use strict";

(() => {
  const NAME = "desk-shortcuts";
  const panel = document.querySelector("[data-shortcuts]");
  if (!panel) return;
  const button = panel.querySelector("[data-shortcuts-switch]");
  panel.hidden = false;

  function remembered() {
    try {
      return localStorage.getItem(NAME);
    } catch {
      return null; // storage may be forbidden: then they are on until the page is left
    }
  }

  function remember(on) {
    try {
      localStorage.setItem(NAME, on ? "on" : "off");
    } catch {
      /* as above */
    }
  }

  button.checked = remembered() !== "off";
  button.addEventListener("change", () => remember(button.checked));

  function rows() {
    return [...document.querySelectorAll("[data-rows] tbody th a")];
  }

  function step(by) {
    const links = rows();
    const here = links.indexOf(document.activeElement);
    const next = links[here < 0 ? (by > 0 ? 0 : links.length - 1) : here + by];
    if (next) next.focus();
  }

  /* What carries data-shortcut="x" is pressed by x; a field or a heading gets the focus. */
  function press(key) {
    const target = document.querySelector(`[data-shortcut="${CSS.escape(key)}"]`);
    if (!target) return false;
    if (target.matches("button, a")) target.click();
    else target.focus();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (!button.checked || typing || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (!press(event.key)) return;
    event.preventDefault();
  });
})();

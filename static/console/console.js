// Keys, copying and asking again. Every page works without this file.
(() => {
  "use strict";
  const rows = () => [...document.querySelectorAll("[data-row]")];
  const typing = (element) => element.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

  function move(by) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[Math.min(all.length - 1, Math.max(0, at + by))];
    const target = next.querySelector("a[href]") || next.querySelector("button, input") || next;
    target.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  function press(selector) {
    const row = document.activeElement.closest("[data-row]");
    const found = (row && row.querySelector(selector)) || document.querySelector(selector);
    if (found) found.click();
    return found;
  }

  const keys = {
    "/": () => document.querySelector("[data-search]")?.focus(),
    j: () => move(1),
    k: () => move(-1),
    e: () => press("[data-edit]"),
    "?": () => document.getElementById("help").showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (document.querySelector("dialog[open]") || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });

  document.addEventListener("click", (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const text = document.getElementById(copy.dataset.copy).textContent;
      navigator.clipboard.writeText(text).then(() => { copy.textContent = "Copied"; });
    }
    if (event.target.closest("[data-help]")) document.getElementById("help").showModal();
    const all = event.target.closest("[data-check-all]");
    if (all) {
      const boxes = [...all.form.elements].filter((box) => box.name === all.dataset.checkAll);
      boxes.forEach((box) => { box.checked = all.checked; });
    }
  });

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });

  document.addEventListener("input", (event) => {
    const show = event.target.dataset.shows;
    if (show) document.getElementById(show).textContent = event.target.selectedOptions?.[0].text ?? event.target.value;
  });

  // What only works with a script is hidden until it is there.
  document.querySelectorAll("[data-copy][hidden], [data-help][hidden], [data-check-all][hidden]")
    .forEach((element) => { element.hidden = false; });

  // What asks for itself says what it shows: 304 while it is so, and nothing is swapped.
  document.addEventListener("htmx:configRequest", (event) => {
    const etag = event.detail.elt.dataset.etag;
    if (etag) event.detail.headers["If-None-Match"] = etag;
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const etag = event.detail.xhr.getResponseHeader("ETag");
    if (etag && "etag" in event.detail.target.dataset) event.detail.target.dataset.etag = etag;
  });

  // Told by the server beside a fragment: {"toast": "Saved."} in HX-Trigger.
  document.addEventListener("toast", (event) => {
    const place = document.querySelector(".toasts");
    const line = document.createElement("p");
    line.className = "toast toast-success";
    line.textContent = event.detail.value;
    place.replaceChildren(line);
  });
})();

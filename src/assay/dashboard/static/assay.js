// What pages gain from JavaScript: local times, live regions, copying, asking before it is too late, filtering.
"use strict";

document.documentElement.classList.add("scripted");

const STEPS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function sayTime(element) {
  const at = new Date(element.dateTime);
  if (Number.isNaN(at.getTime())) return;
  const seconds = (at - Date.now()) / 1000;
  // The clock of whoever sent it may be ahead of ours.
  const step = seconds < 0 && STEPS.find(([, length]) => -seconds >= length);
  element.textContent =
    element.dataset.words !== "ago"
      ? absolute.format(at)
      : step
        ? relative.format(Math.round(seconds / step[1]), step[0])
        : "just now";
}

function sayTimes(root) {
  root.querySelectorAll("time[datetime]").forEach(sayTime);
}

// Regions with data-live="seconds" and an id are fetched anew with the page they stand on, where it has changed.
let tag = "";
async function refresh(regions) {
  const headers = { "X-Live": "1", ...(tag && { "If-None-Match": tag }) };
  const answer = await fetch(location.href, { headers, cache: "no-store", credentials: "same-origin" });
  if (answer.status === 304) return true;
  if (!answer.ok || answer.redirected) return false;
  tag = answer.headers.get("ETag") ?? "";
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const region of regions) {
    const next = fresh.getElementById(region.id);
    if (!next || next.innerHTML === region.dataset.shown) continue;
    if (region.contains(document.activeElement)) {
      tag = "";
      continue;
    }
    region.dataset.shown = next.innerHTML;
    region.replaceChildren(...next.childNodes);
    enhance(region);
  }
  return true;
}

function keepLive() {
  const regions = [...document.querySelectorAll("[data-live][id]")];
  if (!regions.length) return;
  const wait = Math.min(...regions.map((region) => Number(region.dataset.live))) * 1000;
  const turn = async () => {
    let going = true;
    if (!document.hidden) {
      try {
        going = await refresh(regions);
      } catch {
        // The server is away for a moment; the next turn asks again.
      }
    }
    if (going) setTimeout(turn, wait);
  };
  setTimeout(turn, wait);
}

function filterTables(root) {
  root.querySelectorAll("input[data-filter]").forEach((input) => {
    const rows = [...document.getElementById(input.dataset.filter).querySelectorAll("tbody tr")];
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/);
      for (const row of rows) row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
    });
  });
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.value ?? source.dataset.secret ?? source.textContent);
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = label), 1500);
}

function reveal(button) {
  const place = document.getElementById(button.dataset.reveal);
  const shown = place.textContent === place.dataset.secret;
  place.textContent = shown ? place.dataset.masked : place.dataset.secret;
  button.textContent = shown ? "Show" : "Hide";
}

function ask(form, submitter, question) {
  const dialog = document.createElement("dialog");
  const heading = document.createElement("h2");
  const text = document.createElement("p");
  const actions = document.createElement("div");
  heading.id = "question";
  heading.textContent = submitter.dataset.title || "Are you sure?";
  text.textContent = question;
  actions.className = "actions";
  const choices = [["Cancel", "button", false], [submitter.dataset.verb || "Go on", "button primary", true]];
  for (const [label, style, yes] of choices) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = style;
    button.textContent = label;
    button.addEventListener("click", () => {
      dialog.close();
      dialog.remove();
      if (!yes) return;
      submitter.dataset.agreed = "yes";
      form.requestSubmit(submitter);
    });
    actions.append(button);
  }
  dialog.setAttribute("aria-labelledby", "question");
  dialog.append(heading, text, actions);
  document.body.append(dialog);
  dialog.showModal();
}

document.addEventListener("submit", (event) => {
  const submitter = event.submitter;
  if (!submitter?.dataset.confirm || submitter.dataset.agreed) return;
  event.preventDefault();
  ask(event.target, submitter, submitter.dataset.confirm);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy], button[data-reveal], button[data-theme-next]");
  if (button?.dataset.copy) copy(button);
  if (button?.dataset.reveal) reveal(button);
  for (const open of document.querySelectorAll("details.switcher[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "Escape") document.querySelectorAll("details.switcher[open]").forEach((one) => (one.open = false));
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
  const search = document.querySelector("input[type=search]");
  if (!search) return;
  event.preventDefault();
  search.focus();
});

// A form that was changed and not saved asks the browser to warn.
document.querySelectorAll("form[data-unsaved]").forEach((form) => {
  let changed = form.dataset.unsaved === "yes";
  form.addEventListener("input", () => (changed = true));
  form.addEventListener("submit", () => (changed = false));
  window.addEventListener("beforeunload", (event) => changed && event.preventDefault());
});

// A select with data-shows="prefix" shows of the elements with that prefix in data-shown-for the one it names.
function choose(select) {
  for (const part of document.querySelectorAll(`[data-shown-for^="${CSS.escape(select.dataset.shows)}="]`)) {
    const wanted = part.dataset.shownFor.split("=")[1].split("|");
    part.hidden = !wanted.includes(select.value);
  }
}

document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-shows]")) choose(event.target);
  if (event.target.matches("select[data-submit]")) event.target.form.requestSubmit();
});

// What can be scrolled can be reached by keyboard.
function reachScrolling(root) {
  for (const region of root.querySelectorAll(".scroll")) {
    const scrolls = region.scrollWidth > region.clientWidth || region.scrollHeight > region.clientHeight;
    if (scrolls) {
      region.tabIndex = 0;
      region.setAttribute("role", "group");
      region.setAttribute("aria-label", region.querySelector("caption")?.textContent ?? "Table");
    } else region.removeAttribute("tabindex");
  }
}

function enhance(root) {
  reachScrolling(root);
  sayTimes(root);
  filterTables(root);
  root.querySelectorAll("select[data-shows]").forEach(choose);
}

enhance(document);
keepLive();
setInterval(() => sayTimes(document), 30000);
window.addEventListener("resize", () => reachScrolling(document));

// A form with data-preview="id" shows that region as the server would with what is typed now.
document.querySelectorAll("form[data-preview]").forEach((form) => {
  let waiting = 0;
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const fields = new URLSearchParams(new FormData(form));
      fields.set("do", "preview");
      const answer = await fetch(form.action, { method: "POST", body: fields, credentials: "same-origin" });
      const next = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(form.dataset.preview);
      if (!answer.ok || !next) return;
      const region = document.getElementById(form.dataset.preview);
      region.replaceChildren(...next.childNodes);
      enhance(region);
    }, 400);
  });
});

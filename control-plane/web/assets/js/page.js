// What every page has a little more of with a script: buttons that copy and print, the focus on what is wrong, and word
// that a session is about to end. Without it everything is still there: texts are selected by hand, and the browser prints.

import { watchSession } from "./session.js";

const SAID_FOR_MS = 2_000;

// Where rows become cards, and where the items of a list are laid out, some browsers forget what they are: there it is
// said (WCAG 2.2, 1.3.1).
const CARDS = matchMedia("(max-width: 40rem)");
const PARTS = "table.cards, table.cards :is(thead, tbody, tr, th, td)";
const LISTS = "ol.steps, ul.tally";
const ROLES = new Map([["TABLE", "table"], ["THEAD", "rowgroup"], ["TBODY", "rowgroup"], ["TR", "row"], ["TD", "cell"]]);

// What a button did is said here too: that its own name changed is not told by every screen reader.
const announcer = document.createElement("p");
announcer.className = "visually-hidden";
announcer.setAttribute("role", "status");

function copyButton(holder) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "second small";
  button.dataset.copyButton = "";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    let said = "Copied";
    try {
      await navigator.clipboard.writeText(holder.dataset.copy);
    } catch {
      select(holder);
      said = "Selected: copy it by hand";
    }
    button.textContent = said;
    announcer.textContent = said;
    setTimeout(() => {
      button.textContent = "Copy";
      announcer.textContent = "";
    }, SAID_FOR_MS);
  });
  return button;
}

function select(holder) {
  const range = document.createRange();
  range.selectNodeContents(holder.querySelector("code") ?? holder);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

/** Says what tables that are shown as cards are, and lists that are laid out. */
function sayRoles(root) {
  for (const list of root.querySelectorAll(LISTS)) {
    list.setAttribute("role", "list");
  }
  for (const part of CARDS.matches ? root.querySelectorAll(PARTS) : []) {
    const ofHead = part.getAttribute("scope") === "row" ? "rowheader" : "columnheader";
    part.setAttribute("role", ROLES.get(part.tagName) ?? ofHead);
  }
}

/** Takes away what was said of them, as the server sends them. */
export function forgetRoles(root) {
  for (const part of root.querySelectorAll(`${PARTS}, ${LISTS}`)) {
    part.removeAttribute("role");
  }
}

/** Gives every command below `root` its button, once, and tables and lists their roles. */
export function furnish(root) {
  sayRoles(root);
  for (const holder of root.querySelectorAll(".command[data-copy]:not([data-furnished])")) {
    holder.dataset.furnished = "";
    holder.append(copyButton(holder));
  }
  for (const button of root.querySelectorAll("[data-print]")) {
    if (button.hidden) {
      button.hidden = false;
      button.addEventListener("click", () => print());
    }
  }
}

// A digest is shown in groups of four and copied whole.
document.addEventListener("copy", (event) => {
  const selection = getSelection();
  const anchor = selection.anchorNode?.parentElement?.closest(".digest[data-copy]");
  const focus = selection.focusNode?.parentElement?.closest(".digest[data-copy]");
  if (anchor && anchor === focus) {
    event.clipboardData.setData("text/plain", selection.toString().replace(/\s+/g, ""));
    event.preventDefault();
  }
});

/** Shows how much of a time is left. */
function countDown(bar) {
  const left = Math.max(0, Math.ceil((Number(bar.dataset.until) - Date.now()) / 1_000));
  bar.value = left;
  bar.hidden = false;
  const said = left === 0 ? "over" : `${Math.ceil(left / 60)} min left`;
  if (bar.getAttribute("aria-valuetext") !== said) {
    bar.setAttribute("aria-valuetext", said);
  }
  if (left > 0) {
    setTimeout(countDown, 1_000, bar);
  }
}

for (const bar of document.querySelectorAll("progress[data-until]")) {
  countDown(bar);
}

CARDS.addEventListener("change", () => {
  forgetRoles(document);
  sayRoles(document);
});
document.body.append(announcer);
furnish(document);
document.querySelector("[data-focus]")?.focus();
watchSession();

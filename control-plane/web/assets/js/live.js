// A page that follows what happens: when the server says that something changed, the page is asked for again and its
// parts marked `data-live-part` are put in place of the old ones. What a person is doing stays as it is: a part in which
// the focus is, in which something is selected, or which is opened by hand, waits for the next time.

import { furnish } from "./page.js";

const LEAST_MS = 2_000;
const state = document.querySelector("[data-live-state]");
let events = null;
let asked = 0;
let pending = null;

function say(text) {
  if (!state) return;
  state.hidden = text === "";
  state.textContent = text;
}

// A document that is parsed on the way is no text that becomes markup here.
function load() {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", location.pathname + location.search);
    request.responseType = "document";
    request.setRequestHeader("X-Proctor-Unattended", "1");
    request.addEventListener("load", () => {
      const isPage = request.status === 200 && new URL(request.responseURL).pathname === location.pathname;
      if (isPage && request.response) resolve(request.response); else reject(new Error(String(request.status)));
    });
    request.addEventListener("error", () => reject(new Error("unreachable")));
    request.send();
  });
}

function isInUse(part) {
  if (part.contains(document.activeElement) && document.activeElement !== part) return true;
  const selection = getSelection();
  return !selection.isCollapsed && selection.anchorNode !== null && part.contains(selection.anchorNode);
}

function put(fresh) {
  for (const part of document.querySelectorAll("[data-live-part][id]")) {
    const other = fresh.getElementById(part.id);
    if (!other || isInUse(part)) continue;
    const taken = document.importNode(other, true);
    if (taken.isEqualNode(part)) continue;
    for (const opened of part.querySelectorAll("details[open][id]")) {
      const same = [...taken.querySelectorAll("details[id]")].find((candidate) => candidate.id === opened.id);
      if (same) same.open = true;
    }
    part.replaceWith(taken);
    furnish(taken.parentElement);
  }
}

async function refresh() {
  pending = null;
  asked = Date.now();
  try {
    put(await load());
    say("");
  } catch {
    say("This page could not be brought up to date. Load it again to see what is there now.");
  }
}

function changed() {
  if (pending !== null) return;
  pending = setTimeout(refresh, Math.max(0, asked + LEAST_MS - Date.now()));
}

function follow() {
  if (events || document.hidden) return;
  events = new EventSource("/live");
  events.addEventListener("changed", changed);
  events.addEventListener("open", () => say(""));
  events.addEventListener("over", over);
  events.addEventListener("error", () => {
    // The browser tries again by itself unless it was refused.
    if (events?.readyState === EventSource.CLOSED) {
      stop();
      say("This page does not follow what happens at the moment. Load it again to see what is there now.");
    }
  });
}

// The session of this stream is over. Where another tab has confirmed who it is, the same person has another one now.
async function over() {
  stop();
  try {
    put(await load());
    follow();
  } catch {
    say("Your session has ended. Load the page again to sign in.");
  }
}

function stop() {
  events?.close();
  events = null;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    stop();
  } else {
    follow();
    changed();
  }
});
addEventListener("pagehide", stop);
addEventListener("pageshow", follow);
follow();

// A page that follows what happens: when the server says that something changed, the page is asked for again and its
// parts marked `data-live-part` are put in place of the old ones. What a person is doing stays as it is: a part in which
// the focus is, in which something is selected, or which is opened by hand, waits for the next time. Whoever wants to read
// in peace pauses it.

import { forgetRoles, furnish } from "./page.js";
import { signInLink } from "./session.js";

const LEAST_MS = 2_000;
// All tabs hear of a change at once; they ask one after the other.
const SPREAD_MS = 1_500;
const PAUSED = "proctor-paused";
const SIGNED_OUT = "/sign-in";
const SOMEBODY_ELSE = "Somebody else is signed in in this browser now. Load the page again.";
const state = document.querySelector("[data-live-state]");
let events = null;
let asked = 0;
let pending = null;
let isPaused = sessionStorage.getItem(PAUSED) === "yes";
let isOver = false;

function say(text, ...links) {
  if (!state) return;
  const said = text === "" && isPaused ? "Updates are paused: this page shows what was there when it was loaded or paused." : text;
  state.hidden = said === "";
  state.replaceChildren(said, ...links);
}

function notLoaded(error) {
  if (error.message !== SIGNED_OUT) return say("This page could not be brought up to date. Load it again to see what is there now.");
  isOver = true;
  stop();
  say("Your session has ended. ", signInLink());
}

function pauseButton() {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "second small live-pause";
  button.dataset.livePause = "";
  const name = () => { button.textContent = isPaused ? "Resume updates" : "Pause updates"; };
  button.addEventListener("click", () => {
    isPaused = !isPaused;
    sessionStorage.setItem(PAUSED, isPaused ? "yes" : "no");
    name();
    if (isPaused) {
      stop();
      say("");
    } else {
      say("");
      follow();
      changed();
    }
  });
  name();
  return button;
}

// A document that is parsed on the way is no text that becomes markup here.
function load() {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", location.pathname + location.search);
    request.responseType = "document";
    request.setRequestHeader("X-Proctor-Unattended", "1");
    request.addEventListener("load", () => {
      const { pathname } = new URL(request.responseURL, location.href);
      if (request.status === 200 && pathname === location.pathname && request.response) resolve(request.response);
      else reject(new Error(pathname === SIGNED_OUT ? SIGNED_OUT : String(request.status)));
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

// Times that are told from now change by themselves; they are no news, and are brought up to date where they stand.
function passing(part) {
  return [...part.querySelectorAll(".ago")];
}

function isSame(part, taken) {
  const [one, other] = [part.cloneNode(true), taken.cloneNode(true)];
  for (const copy of [one, other]) {
    passing(copy).forEach((ago) => { ago.textContent = ""; });
    forgetRoles(copy);
    copy.querySelectorAll("details").forEach((details) => { details.removeAttribute("open"); });
    copy.querySelectorAll("[data-print]").forEach((button) => { button.hidden = false; });
    copy.querySelectorAll("[data-furnished]").forEach((holder) => {
      holder.removeAttribute("data-furnished");
      holder.querySelectorAll("[data-copy-button]").forEach((button) => { button.remove(); });
    });
  }
  return one.isEqualNode(other);
}

// What was opened or closed by hand stays so: by its id, else by its place among those without one.
function keepOpen(part, taken) {
  const nameless = (of) => [...of.querySelectorAll("details:not([id])")];
  const fresh = nameless(taken);
  nameless(part).forEach((details, at) => {
    const same = fresh[at]?.querySelector("summary")?.textContent === details.querySelector("summary")?.textContent;
    if (same) fresh[at].open = details.open;
  });
  for (const details of part.querySelectorAll("details[id]")) {
    const same = [...taken.querySelectorAll("details[id]")].find((candidate) => candidate.id === details.id);
    if (same) same.open = details.open;
  }
}

// A page of another session has nothing to do under this page's head.
function isOurs(fresh) {
  const [theirs, ours] = [fresh.body?.dataset ?? {}, document.body.dataset];
  return theirs.tenant === ours.tenant && theirs.person === ours.person;
}

function put(fresh) {
  if (!isOurs(fresh)) {
    isOver = true;
    stop();
    return say(SOMEBODY_ELSE);
  }
  say("");
  const parts = [...document.querySelectorAll("[data-live-part][id]")];
  // What was followed is over and another page stands here now, as the result of a run does.
  if (parts.length > 0 && !parts.some((part) => fresh.getElementById(part.id))) return location.reload();
  for (const part of parts) {
    const other = fresh.getElementById(part.id);
    if (!other || isInUse(part)) continue;
    const taken = document.importNode(other, true);
    if (isSame(part, taken)) {
      const now = passing(taken);
      passing(part).forEach((ago, at) => { ago.textContent = now[at].textContent; });
      continue;
    }
    keepOpen(part, taken);
    part.replaceWith(taken);
    furnish(taken.parentElement);
  }
}

async function refresh() {
  pending = null;
  asked = Date.now();
  try {
    put(await load());
  } catch (error) {
    notLoaded(error);
  }
}

function changed() {
  if (pending !== null || isPaused || isOver) return;
  pending = setTimeout(refresh, Math.max(Math.random() * SPREAD_MS, asked + LEAST_MS - Date.now()));
}

function follow() {
  if (events || document.hidden || isPaused || isOver) return;
  events = new EventSource("/live");
  events.addEventListener("changed", changed);
  events.addEventListener("open", () => { if (!isOver) say(""); });
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
  } catch (error) {
    notLoaded(error);
  }
}

function stop() {
  events?.close();
  events = null;
  clearTimeout(pending);
  pending = null;
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
state?.before(pauseButton());
say("");
follow();

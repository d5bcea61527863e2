// Says before a session ends that it does, so that nothing that was typed is lost: two minutes before it goes idle it can
// be kept, and before its last hour is over that is said. Looking how long it lasts is no use of it.

const PATH = "/console/session";
const WARN_S = 120;
// A page that is left at once asks nothing.
const FIRST_LOOK_MS = 30_000;
// Timers of a browser go no further, and those of a machine that slept come late.
const LONGEST_MS = 10 * 60_000;
const NOTICE = "[data-session-notice]";

let timer = null;

async function ends(options) {
  const response = await fetch(PATH, { credentials: "same-origin", cache: "no-store", redirect: "error", ...options });
  if (response.status === 401) return null;
  if (!response.ok) throw new Error(String(response.status));
  return response.json();
}

function look() {
  return ends({ headers: { "X-Proctor-Unattended": "1" } });
}

function stay() {
  const token = document.querySelector('meta[name="csrf"]')?.content ?? "";
  return ends({ method: "POST", body: "{}", headers: { "Content-Type": "application/json", "X-Csrf-Token": token } });
}

function again(ms) {
  clearTimeout(timer);
  timer = setTimeout(judge, Math.min(Math.max(ms, 1_000), LONGEST_MS));
}

async function judge() {
  let left;
  try {
    left = await look();
  } catch {
    return again(30_000);
  }
  if (left === null) {
    return show("Your session has ended. What you typed here is not sent: copy what you need.", "sign in");
  }
  tell(left);
}

function tell({ idle_seconds: idle, whole_seconds: whole }) {
  const least = Math.min(idle, whole);
  if (least > WARN_S) {
    document.querySelector(NOTICE)?.remove();
    return again((least - WARN_S) * 1_000);
  }
  const minutes = least <= 60 ? "a minute" : "two minutes";
  if (idle < whole) {
    show(`Your session ends in less than ${minutes}, because nothing was done for a while.`, "stay");
  } else {
    show(`Your session ends in less than ${minutes}, whatever you do. Finish what you are writing, or copy it.`, "none");
  }
  again(Math.min(least + 1, 30) * 1_000);
}

function show(text, offer) {
  const before = document.querySelector(NOTICE);
  if (before?.dataset.said === text) return;
  const notice = document.createElement("div");
  notice.className = "notice is-warn session-notice";
  notice.dataset.sessionNotice = "";
  notice.dataset.said = text;
  notice.setAttribute("role", "status");
  const said = document.createElement("p");
  said.textContent = text;
  notice.append(said);
  if (offer === "sign in") {
    notice.append(signInLink());
  }
  if (offer === "stay") {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Stay signed in";
    button.addEventListener("click", kept);
    notice.append(button);
  }
  before?.remove();
  document.querySelector("#main")?.prepend(notice);
}

async function kept() {
  try {
    const left = await stay();
    if (left === null) return judge();
    document.querySelector(NOTICE)?.remove();
    document.querySelector("#main")?.focus({ preventScroll: true });
    tell(left);
  } catch {
    show("That could not be done now. Your session still ends soon: copy what you need.", "stay");
  }
}

/** Where somebody whose session has ended signs in, to come back to this page. */
export function signInAgain() {
  return `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
}

/** The link that leads there. */
export function signInLink() {
  const link = document.createElement("a");
  link.href = signInAgain();
  link.textContent = "Sign in again";
  return link;
}

/** Begins to look, on pages of somebody who is signed in. */
export function watchSession(first = FIRST_LOOK_MS) {
  if (document.body.dataset.person === undefined) return;
  again(first);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) again(1_000);
  });
}

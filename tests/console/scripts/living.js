// A page that follows what happens, and one whose session is about to end. The page that comes is made here.
const main = document.querySelector("main");
main.id = "main";
Object.assign(document.body.dataset, { tenant: "t", person: "ann" });
const element = (name, attributes, ...content) => {
  const made = document.createElement(name);
  Object.entries(attributes).forEach(([attribute, value]) => made.setAttribute(attribute, value));
  made.append(...content);
  return made;
};
const part = (ago, text, more = []) =>
  element("section", { id: "part", "data-live-part": "" }, element("p", {}, text, element("span", { class: "ago" }, ago)), ...more);
const details = (summary, text) => element("details", {}, element("summary", {}, summary), text);
const state = element("p", { "data-live-state": "", role: "status", hidden: "" });
main.append(state, part("1 s ago", "fact", [details("one", "1"), details("two", "2")]));
sessionStorage.clear();

let page = null;
let loads = 0;
class Request extends EventTarget {
  open() {}
  setRequestHeader() {}
  send() {
    loads += 1;
    this.status = 200;
    this.responseURL = Request.at ?? location.href;
    this.response = page;
    queueMicrotask(() => this.dispatchEvent(new Event("load")));
  }
}
window.XMLHttpRequest = Request;
let events = null;
class Events extends EventTarget {
  constructor() {
    super();
    events = this;
  }
  close() {
    events = null;
  }
}
window.EventSource = Events;
const pageOf = (who, ...parts) => {
  const made = document.implementation.createHTMLDocument("page");
  Object.assign(made.body.dataset, who);
  made.body.append(...parts);
  return made;
};
const ours = { tenant: "t", person: "ann" };
const turn = () => new Promise((resolve) => realTimeout(resolve, 40));
const changed = async () => {
  events?.dispatchEvent(new Event("changed"));
  await turn();
};
await load("live.js");
const button = () => document.querySelector("[data-live-pause]");
const now = () => document.querySelector("#part");
check("a button pauses", button().textContent === "Pause updates" && events !== null);
await turn();

// Time that passes is no news: what is there stays, and says how long ago.
const before = now();
page = pageOf(ours, part("3 s ago", "fact", [details("one", "1"), details("two", "2")]));
await changed();
check("the same part stays", now() === before && loads === 1);
check("it says how long ago", now().querySelector(".ago").textContent === "3 s ago");

// What is opened stays open when there is news, also without an id.
now().querySelectorAll("details")[1].open = true;
page = pageOf(ours, part("4 s ago", "news", [details("one", "1"), details("two", "2")]));
await changed();
check("news are shown", now() !== before && now().textContent.includes("news"));
check("what was opened is open", [...now().querySelectorAll("details")].map(({ open }) => open).join() === "false,true");
const opened = now();
page = pageOf(ours, part("5 s ago", "news", [details("one", "1"), details("two", "2")]));
await changed();
check("opening is no difference", now() === opened && now().querySelectorAll("details")[1].open);

// Paused, nothing changes and nothing is asked.
button().click();
check("paused", button().textContent === "Resume updates" && events === null && state.textContent.includes("paused") && !state.hidden);
const asked_ = loads;
page = pageOf(ours, part("9 s ago", "later"));
await turn();
check("nothing is asked while paused", loads === asked_ && now() === opened);
document.dispatchEvent(new Event("visibilitychange"));
await turn();
check("coming back does not end a pause", loads === asked_ && events === null);
check("a pause is for this tab", sessionStorage.getItem("proctor-paused") === "yes");
button().click();
await turn();
check("resumed", now().textContent.includes("later") && events !== null && state.hidden);

// Somebody else in the same browser: nothing of theirs comes under this head.
page = pageOf({ tenant: "t", person: "bob" }, part("1 s ago", "of bob"));
await changed();
check("nothing of somebody else", !main.textContent.includes("of bob") && state.textContent.includes("Somebody else is signed in"));
check("and no more is looked", events === null);

// The session is over: what comes then is the sign-in, and the page says how one comes back through it.
await load("live.js#another");
Request.at = new URL("/sign-in?next=", location.href).href;
await changed();
const back = encodeURIComponent(location.pathname + location.search);
check("it says that the session is over", state.textContent === "Your session has ended. Sign in again" && events === null);
check("signing in leads back", state.querySelector("a")?.getAttribute("href") === `/sign-in?next=${back}`);

// The end of a session, two minutes before.
const { watchSession } = await load("session.js");
const notice = () => document.querySelector("[data-session-notice]");
const until = async (holds) => {
  for (let looked = 0; looked < 100 && !holds(); looked += 1) {
    await turn();
  }
  return holds();
};
const left = (idle, whole) => document_({ idle_seconds: idle, whole_seconds: whole });
answers = { "GET /console/session": [left(3600, 40_000), left(110, 40_000)], "POST /console/session": [left(3600, 39_000)] };
watchSession(0);
check("a notice before it goes idle", await until(() => notice() !== null));
check("in time only", asked.filter(({ path }) => path === "/console/session").length >= 2);
check("it says why", notice().textContent.includes("nothing was done"));
answers["GET /console/session"] = [left(3600, 39_000)];
[...notice().querySelectorAll("button")].find(({ textContent }) => textContent === "Stay signed in").click();
check("one can stay", await until(() => notice() === null));
check("by a use of the session", asked.some(({ method, path }) => method === "POST" && path === "/console/session"));
answers["GET /console/session"] = [left(1000, 50)];
check("an end that cannot be put off", (await until(() => notice() !== null)) && notice().querySelector("button") === null && notice().textContent.includes("whatever you do"));
answers["GET /console/session"] = [problem(401, "E-AUTH-001")];
check("it is over", await until(() => notice()?.textContent.includes("has ended") === true));
check("and says where one signs in, and comes back", notice().querySelector("a")?.getAttribute("href") === `/sign-in?next=${back}`);

// What a call is refused for leads to where it is shown, and back; what nothing can be shown for does not.
const { detourOf, Fail } = await load("calls.js");
const detour = (status, code) => detourOf(new Fail("no", "nothing", { status, code }));
check("confirm first", detour(403, "E-AUTH-006") === `/confirm?next=${back}`);
check("a code of the app first", detour(403, "E-AUTH-011") === `/confirm?next=${back}`);
check("sign in first", detour(401, "E-AUTH-005") === `/sign-in?next=${back}`);
check("no detour", detour(403, "E-OPS-003") === null && detourOf(new Error("no")) === null);
return { held, failed };

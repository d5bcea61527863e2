// A hundred thousand rows and a row of ten megabytes: the longest time that the page does not answer is measured.
const [base] = arguments;
const load = (name) => import(base + name);
const { utf8 } = await load("bytes.js");
const { Frontier, leafHash } = await load("merkle.js");
const { csvOf } = await load("saving.js");
const { Viewer } = await load("viewer.js");
const failed = [];
const took = {};
const place = document.querySelector("main");
const line = { item: "019aa7f0-0000-7000-8000-000000000004", step: "list", form: "rows", class: "internal", rows: 0 };
const view = (rows) =>
  new Viewer(place, "run", { ...line, rows: rows.length }, { item: line.item, commitment: {}, listed: null, rows });

// How much stands in the page is bounded exactly, below. This tells a page that froze from a machine that is slow.
const FROZEN_MS = 5_000;

/** The longest gap between two turns of the page while something is done. */
async function gap(name, act) {
  let [longest, last, going] = [0, performance.now(), true];
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (going) {
      setTimeout(turn, 0);
    }
  };
  turn();
  const began = performance.now();
  await act();
  await new Promise((resolve) => setTimeout(resolve, 0));
  going = false;
  longest = Math.max(longest, performance.now() - last);
  took[name] = { gap: Math.round(longest), all: Math.round(performance.now() - began) };
  if (longest > FROZEN_MS) {
    failed.push(`${name}: the page stood still for ${Math.round(longest)} ms`);
  }
}

const rows = Array.from({ length: 100_000 }, (_, index) => ({
  index,
  row: utf8(JSON.stringify({ name: `user${index}`, email: `user${index}@example.org`, enabled: index % 3 === 0, groups: ["a", "b"] })),
}));
const many = view(rows);
await gap("show 100,000 rows", () => many.show());
if (place.querySelectorAll("*").length > 2_500) {
  failed.push(`${place.querySelectorAll("*").length} elements stand in the page`);
}
const press = (name) => [...place.querySelectorAll("button")].find((button) => button.textContent === name).click();
await gap("last window", async () => press("Last"));
if (!place.textContent.includes("user99999@example.org")) {
  failed.push("the last row is not in the last window");
}
await gap("as text", async () => press("Text"));
await gap("as CSV", () => csvOf(rows, ["name", "email", "enabled", "groups"]));

const big = utf8(JSON.stringify({ text: "x\u202e".repeat(2_600_000) }));
const one = view([{ index: 0, row: big }]);
await gap("show a row of 10 MB", () => one.show());
place.querySelector("ol button").click();
await gap("its next window", async () => press("Next"));
await gap("its last window", async () => press("Last"));
await gap("as hex", async () => press("Hex"));
if (place.textContent.length > 100_000) {
  failed.push("more than a window of it stands in the page");
}
one.forget();

// Rows that are made to be slow: 256 columns of characters that each call for a mark.
const worst = utf8(JSON.stringify(Object.fromEntries(Array.from({ length: 256 }, (_, at) => [`c${at}`, "a\u200b".repeat(150)]))));
const hostile = view(Array.from({ length: 100 }, (_, index) => ({ index, row: worst })));
await gap("show 100 rows of 256 hostile columns", () => hostile.show());
const nodes = document.createTreeWalker(place, NodeFilter.SHOW_ALL);
let count = 0;
while (nodes.nextNode()) {
  count += 1;
}
if (count > 12_000) {
  failed.push(`${count} nodes stand in the page`);
}
await gap("leaf through them", async () => press("Next"));
hostile.forget();

// And rows that are long to read: 48 of them, of nearly a mebibyte.
const long = utf8(JSON.stringify({ a: "b".repeat(1_000_000), c: 1 }));
const heavy = view(Array.from({ length: 48 }, (_, index) => ({ index, row: long })));
await gap("show 48 rows of a mebibyte", () => heavy.show());
await gap("turn their page", async () => press("Next"));
heavy.forget();

// What the page does while an answer streams in: each row is hashed once.
const salt = new Uint8Array(32);
const began = performance.now();
const tree = new Frontier();
rows.forEach(({ row }) => tree.push(leafHash(salt, row)));
tree.root();
took["hash 100,000 rows"] = Math.round(performance.now() - began);
if (performance.now() - began > 8_000) {
  failed.push("hashing is too slow");
}
return { failed, took };

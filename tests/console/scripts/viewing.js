// The viewer with rows that are hostile, odd and plain.
const [base] = arguments;
const load = (name) => import(base + name);
const { utf8 } = await load("bytes.js");
const { csvLine, textIn, dump } = await load("rows.js");
const { pieces, printable } = await load("text.js");
const { Pieces } = await load("pieces.js");
const { csvOf } = await load("saving.js");
const { Viewer } = await load("viewer.js");
let held = 0;
const failed = [];
const check = (what, holds) => (holds ? (held += 1) : failed.push(what));
const place = document.querySelector("main");
const line = { item: "019aa7f0-0000-7000-8000-000000000004", step: "list", form: "rows", class: "internal", rows: 0 };
const view = async (rows, { form = "rows", listed = null, called = null } = {}) => {
  const bytes = rows.map((row) => (typeof row === "string" ? utf8(row) : row));
  const opened = { item: line.item, commitment: { rows: rows.length }, listed, rows: bytes.map((row, index) => ({ index, row })) };
  const viewer = new Viewer(place, "run", { ...line, form, rows: rows.length }, opened, called);
  await viewer.show();
  return viewer;
};
const press = (name) => {
  const button = [...place.querySelectorAll("button")].find((found) => found.textContent === name);
  check(`a button ${name}`, button !== undefined);
  button?.click();
};
window.fired = 0;

// Markup is text.
const hostile = '<script>window.fired = 1</script><img src=x onerror="window.fired = 1"><svg onload="window.fired = 1"></svg>';
const record = JSON.stringify({ [hostile]: hostile, __proto__x: 1, "=1+1": "=cmd|' /C calc'!A0", bidi: "a\u202eb\u0000\u200bc", nested: { a: [1, null] } });
await view([record, record]);
check("a table", place.querySelectorAll("tbody tr").length === 2);
check("no element out of evidence", place.querySelectorAll("script, img, svg, a, iframe, style, link").length === 0);
check("markup can be read", place.textContent.includes(hostile));
check("what cannot be seen is marked", [...place.querySelectorAll("mark.escape")].some((mark) => mark.textContent === "\\u{202e}"));
check("nothing invisible", !/[\u202e\u200b\u0000]/.test(place.textContent));
check("nested values", place.textContent.includes('{"a":[1,null]}'));
press("Text");
check("text has no element out of evidence", place.querySelectorAll("script, img, svg").length === 0);
check("text can be read", place.querySelector("pre").textContent.includes("window.fired"));
press("Hex");
check("hex", place.querySelector("pre").textContent.startsWith("00000000  7b 22"));
press("Table");
check("the pressed button has the focus", document.activeElement?.textContent === "Table");

// A record with the names of what objects have by themselves.
await view(['{"__proto__":"p","constructor":"c","toString":"t"}']);
check("names of objects", ["p", "c", "t"].every((text) => [...place.querySelectorAll("td")].some((cell) => cell.textContent === text)));

// What is no record is text.
for (const rows of [["[1,2]"], ['"text"'], ["{"], ["{}", "1"], [Uint8Array.of(0x7b, 0xff, 0x7d)]]) {
  await view(rows);
  check(`no table for ${rows}`, place.querySelector("table") === null && place.querySelector("pre") !== null);
}
await view([]);
check("no rows are said", place.textContent.includes("There are no rows"));
await view([""]);
check("an empty row is one", place.textContent.includes("Rows 1 to 1 of 1"));
await view([Uint8Array.of(0x61, 0xff, 0xc3, 0x28, 0xe2, 0x82)]);
check("bytes that are no text", place.querySelector("pre").textContent === "a\\xff\\xc3(\\xe2\\x82");

// A file is one run of bytes, also over the borders of its pieces.
const file = new Uint8Array(70_000).fill(0x61);
file.set(utf8("é"), 8191);
await view([file.subarray(0, 65_536), file.subarray(65_536)], { form: "blob" });
const first = place.querySelector("pre").textContent;
check("no character is cut", !first.includes("\\x") && first.length === 8191);
press("Next");
check("the next window begins with it", place.querySelector("pre").textContent.startsWith("é"));
press("Last");
check("the last window", place.textContent.includes("to 69,999 of 70,000"));
check("a piece of a file stands by itself", (await view([file.subarray(0, 10)], { form: "blob", listed: [3] })).bytes() === null);

// A row by itself, and back.
await view(['{"a":1}', '{"a":2}']);
place.querySelector("tbody button").click();
check("one row", place.textContent.includes("Row 0: bytes 0 to 6 of 7"));
press("All rows");
check("all rows again", place.querySelectorAll("tbody tr").length === 2);

// A name says which row, of which item; what can be seen of it is part of it.
await view(['{"a":1}', '{"a":2}']);
const names = [...place.querySelectorAll("tbody button")].map((button) => button.getAttribute("aria-label"));
check("rows have names", names.join() === "Row 0 alone,Row 1 alone");
const groups = [...place.querySelectorAll("[role=group]")].map((group) => group.getAttribute("aria-label"));
check("groups are told apart", groups.length >= 4 && groups.every((name) => name.includes("list, item 000004")));

// People read what it is called and when it was collected; what is attested stands beside it.
await view(["1"], { called: { title: "Every <b>account</b>\u202e", collected: "2026-11-22 10:14:05 UTC · 3 min ago" } });
check("its title", place.querySelector("h3").textContent === "Every <b>account</b>\\u{202e}" && place.querySelector("b") === null);
check("its step and id", place.querySelector("h3 + p").textContent === `step list, item ${line.item}`);
check("its time", place.textContent.includes("class internal, collected 2026-11-22 10:14:05 UTC · 3 min ago"));

// A window is bounded whatever is in it.
const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`c${at}`, "x"])));
await view(Array.from({ length: 60 }, () => wide));
check("so many cells", place.querySelectorAll("td").length === 10 * 200);
check("it says which rows", place.textContent.includes("Rows 1 to 10 of 60"));
press("Last");
check("the last rows", place.textContent.includes("Rows 51 to 60 of 60"));
const marked = JSON.stringify({ a: "x\u200b".repeat(60) });
await view(Array.from({ length: 50 }, () => marked));
check("so many marks", place.querySelectorAll("mark.escape").length <= 250);
check("a cell beyond them is one mark, and can be read", place.querySelector("tbody tr:last-child mark").textContent === "x\\u{200b}".repeat(60));
check("nothing invisible beyond them", !place.textContent.includes("\u200b"));

// A file in pieces is read over their borders.
const parts = [utf8("ab"), utf8(""), utf8("cé"), utf8("d")];
const pieces_ = new Pieces(parts);
const joined = utf8("abcéd");
check("its length", pieces_.length === joined.length);
for (let from = 0; from <= joined.length; from += 1) {
  for (let to = from; to <= joined.length + 1; to += 1) {
    check(`bytes ${from} to ${to}`, textIn(pieces_.slice(from, to)) === textIn(joined.slice(from, to)));
  }
}
check("no character of it is cut", pieces_.boundary(4) === 3 && pieces_.boundary(3) === 3 && pieces_.boundary(99) === 6);
check("no file", new Pieces([]).length === 0 && new Pieces([]).slice(0, 5).length === 0);
check("a dump of a part says where it is", dump(utf8("x"), 0, 1, 32).startsWith("00000020  78"));

// The commands beside the page say what the form says, and nothing that a shell would do.
const { commandsOf } = await load("command.js");
const { element } = await load("dom.js");
const ids = ["019aa7f0-0000-7000-8000-00000000000a", "019aa7f0-0000-7000-8000-00000000000b"];
const box = (id) => element("input", { type: "checkbox", name: "item", value: id, "data-rows": "20" });
const rowsOf = (id) => element("input", { id: `rows-${id}`, name: "rows" });
const purposes = element("select", { id: "open-purpose" }, element("option", { value: "" }), element("option", { value: "remediation" }));
const form = element("form", {}, ...ids.flatMap((id) => [box(id), rowsOf(id)]), purposes, element("input", { id: "open-reason" }));
place.replaceChildren(form);
const commands = () => commandsOf(form, { run: "RUN", address: "https://h:8440" }).split("\n");
check("nothing chosen names the first item", commands().length === 1 && commands()[0].includes(`open RUN ${ids[0]} --control-plane https://h:8440 `));
form.querySelectorAll("[type=checkbox]").forEach((one) => { one.checked = true; });
form.querySelector(`#rows-${ids[1]}`).value = "0-2, 7";
purposes.value = "remediation";
form.querySelector("#open-reason").value = "it's $(due) `now`";
check("a line for each item", commands().length === 2 && commands()[1].includes(` ${ids[1]}:0-2,7 --`));
check("purpose and reason", commands()[0].endsWith(`--purpose remediation --reason 'it'\\''s $(due) \`now\`'`));
form.querySelector(`#rows-${ids[1]}`).value = "0-; rm -rf";
check("what is no row is in no command", !commands()[1].includes("rm"));

// Saved as CSV, nothing is a formula.
for (const cell of ["=1+1", "+1", "-1", "@x", "\tx", "\rx"]) {
  check(`a formula ${JSON.stringify(cell)}`, csvLine([cell]) === `"'${cell}"\r\n`);
}
for (const cell of ["x;=1", "x;\u3000@y", "a\n=1", "a\r\n-1", "a\t+1", 'x;"=1', "x; =1"]) {
  check(`a formula after a break ${JSON.stringify(cell)}`, /[;\t\r\n]'/.test(csvLine([cell])) && csvLine([cell]).startsWith('"'));
}
for (const cell of ["\uff1d1", "\uff0b1", "\uff0d1", "\uff20x", " =1", "\u00a0=1", "\ufeff=1", "\n=1", '"=1']) {
  check(`a formula in disguise ${JSON.stringify(cell)}`, csvLine([cell]).startsWith("\"'"));
}
check("what is none stays", csvLine(["2026-11-22", "a-b", "x=1", "a@b"]) === "2026-11-22,a-b,x=1,a@b\r\n");
check("a separator of other languages is quoted", csvLine(["a;b"]) === '"a;b"\r\n');
check("quotes", csvLine(['a"b', "c,d", "e\nf", "g"]) === '"a""b","c,d","e\nf",g\r\n');
const csv = await csvOf([{ index: 5, row: utf8('{"a":"=1","b":null}') }], ["a", "b", "c"]);
check("csv of rows", csv.map((part) => new TextDecoder().decode(part)).join("") === 'row,a,b,c\r\n5,"\'=1",null,\r\n');

// Forgotten is gone.
const forgotten = await view(['{"a":"secret"}']);
forgotten.forget();
check("nothing is left in the page", place.childNodes.length === 0 && forgotten.rows.length === 0);

check("text of bytes", textIn(utf8("aé😀")) === "aé😀" && textIn(Uint8Array.of(0xed, 0xa0, 0x80)) === "\\xed\\xa0\\x80");
check("a dump", dump(utf8("ab\n"), 0, 3) === `00000000  61 62 0a${" ".repeat(41)}ab.`);
check("a run of what cannot be seen is one mark", pieces("a\u200b\u200bb\u200b", false).map(({ text }) => text).join("|") === "a|\\u{200b}\\u{200b}|b|\\u{200b}");
check("breaks are plain where they may be", pieces("a\nb\t\r", true).map(({ text }) => text).join("|") === "a\nb\t|\\u{d}");
check("escapes", printable("a\u202e\u{e0041}") === "a\\u{202e}\\u{e0041}");
check("nothing ran", window.fired === 0);
return { held, failed };

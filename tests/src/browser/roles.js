// What stands in the page for those who hear it: landmarks, names, roles and states. Goes on where audit.js ends.

const LANDMARK_ROLES = ["banner", "complementary", "contentinfo", "form", "main", "navigation", "region", "search"];
const IN_SECTIONS = "article, aside, main, nav, section, [role=article], [role=complementary], [role=main], [role=navigation], [role=region]";

// The name that an author gave; what the browser makes of the content is asked of the browser itself.
function given(element) {
  const by = (element.getAttribute("aria-labelledby") ?? "").split(/\s+/).filter(Boolean);
  const named = by.map((id) => document.getElementById(id)?.textContent ?? "").join(" ").trim();
  return (named || element.getAttribute("aria-label") || "").trim().replace(/\s+/g, " ");
}

function landmark(element) {
  const role = element.getAttribute("role");
  if (role) return LANDMARK_ROLES.includes(role) ? role : null;
  switch (element.localName) {
    case "main": return "main";
    case "nav": return "navigation";
    case "aside": return "complementary";
    case "search": return "search";
    case "header": return element.parentElement.closest(IN_SECTIONS) ? null : "banner";
    case "footer": return element.parentElement.closest(IN_SECTIONS) ? null : "contentinfo";
    case "section": return given(element) ? "region" : null;
    case "form": return given(element) ? "form" : null;
    default: return null;
  }
}

function landmarks() {
  const found = all("body *").map((element) => ({ element, role: landmark(element) })).filter(({ element, role }) => role && element.checkVisibility());
  for (const single of ["main", "banner", "contentinfo"]) {
    const those = found.filter(({ role }) => role === single);
    if (those.length > 1 || (single === "main" && those.length !== 1)) fault("landmarks", those[1]?.element, `${those.length} of ${single}`);
    for (const { element } of those) {
      for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) if (landmark(at)) fault("landmarks", element, `${single} within ${landmark(at)}`);
    }
  }
  const seen = new Map();
  for (const { element, role } of found) {
    const name = given(element).toLowerCase();
    const key = `${role} "${name}"`;
    if (seen.has(key)) fault("landmark-unique", element, `one more ${key}`);
    else seen.set(key, element);
    if (role === "region" && !name) fault("landmarks", element, "a region without a name");
  }
  // Everything that can be read stands in a landmark; a link that leads into one, and what is said aloud, need none.
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const outside = new Set();
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !isRendered(element) || element.closest("[role=alert], [role=status], [role=dialog], [aria-live], dialog, script, style, noscript")) continue;
    if (element.closest("a[href^='#']")?.parentElement === document.body) continue;
    let at = element;
    while (at && at !== document.body && !landmark(at)) at = at.parentElement;
    if (at === document.body && !outside.has(element)) { outside.add(element); fault("region", element, "can be read outside of every landmark"); }
  }
}

// WCAG 2.2, 2.5.3: who says what stands on a control must be understood.
function labelsInNames() {
  const plain = (text) => text.toLowerCase().normalize("NFKC").replace(/[^\p{L}\p{N}]+/gu, " ").trim();
  for (const control of all("a[href], button, summary, [role=button], [role=link], [role=tab], [role=checkbox], input:not([type=hidden]), select, textarea").filter(isRendered)) {
    const name = plain(given(control));
    if (!name) continue;
    const label = Array.from(control.labels ?? []).map((label) => label.innerText).join(" ");
    const shown = plain(control.matches("input, select, textarea") ? label : control.innerText);
    if (shown && !` ${name} `.includes(` ${shown} `)) fault("label-in-name", control, `named "${name}" and shown as "${shown}"`);
  }
  for (const field of all("input:not([type=hidden]), select, textarea")) {
    if (!field.labels?.length && !given(field) && field.title) fault("labels", field, "named by its title alone");
  }
}

const ROLES = new Set(("alert alertdialog application article banner blockquote button caption cell checkbox code columnheader combobox complementary contentinfo definition deletion dialog directory document emphasis feed figure form generic grid gridcell group heading img insertion link list listbox listitem log main mark marquee math menu menubar menuitem menuitemcheckbox menuitemradio meter navigation none note option paragraph presentation progressbar radio radiogroup region row rowgroup rowheader scrollbar search searchbox separator slider spinbutton status strong subscript superscript switch tab table tablist tabpanel term textbox time timer toolbar tooltip tree treegrid treeitem").split(" "));
const TRUTH = ["true", "false"];
const MIXED = ["true", "false", "mixed"];
const STATES = {
  "aria-atomic": TRUTH, "aria-busy": TRUTH, "aria-checked": MIXED, "aria-current": ["page", "step", "location", "date", "time", "true", "false"],
  "aria-disabled": TRUTH, "aria-expanded": TRUTH, "aria-haspopup": ["true", "false", "menu", "listbox", "tree", "grid", "dialog"], "aria-hidden": TRUTH,
  "aria-invalid": ["true", "false", "grammar", "spelling"], "aria-live": ["off", "polite", "assertive"], "aria-modal": TRUTH, "aria-multiline": TRUTH,
  "aria-multiselectable": TRUTH, "aria-orientation": ["horizontal", "vertical", "undefined"], "aria-pressed": MIXED, "aria-readonly": TRUTH,
  "aria-required": TRUTH, "aria-selected": TRUTH, "aria-sort": ["ascending", "descending", "none", "other"],
};
const OTHERS = new Set(("aria-label aria-labelledby aria-describedby aria-description aria-details aria-controls aria-owns aria-errormessage aria-flowto aria-activedescendant aria-keyshortcuts aria-roledescription aria-placeholder aria-autocomplete aria-relevant aria-valuetext aria-colcount aria-colindex aria-colspan aria-rowcount aria-rowindex aria-rowspan aria-level aria-posinset aria-setsize aria-valuemax aria-valuemin aria-valuenow").split(" "));
const NUMBERS = /^aria-(col|row|level|pos|set|value(max|min|now))/;
// What may not be named: nothing would read the name out.
const NAMELESS = "div, span, p, code, em, strong, b, i, small, abbr, mark, sub, sup, pre, caption, label, legend";
const CHILDREN = {
  table: ["row", "rowgroup", "caption"], grid: ["row", "rowgroup", "caption"], rowgroup: ["row"], row: ["cell", "gridcell", "columnheader", "rowheader"],
  list: ["listitem"], tablist: ["tab"], listbox: ["option", "group"], radiogroup: ["radio"], menu: ["menuitem", "menuitemcheckbox", "menuitemradio", "group", "separator"],
};
const PARENTS = {
  row: "table, grid, rowgroup, treegrid", rowgroup: "table, grid, treegrid", cell: "row", gridcell: "row", columnheader: "row", rowheader: "row",
  listitem: "list", tab: "tablist", option: "listbox, group",
};
const NATIVE = {
  table: "table", thead: "rowgroup", tbody: "rowgroup", tfoot: "rowgroup", tr: "row", td: "cell", th: "columnheader", caption: "caption", ul: "list", ol: "list",
  li: "listitem", option: "option", select: "listbox",
};

function roleOf(element) {
  return element.getAttribute("role") ?? (element.localName === "th" && element.scope === "row" ? "rowheader" : NATIVE[element.localName]) ?? null;
}

function roles() {
  for (const element of all("[role]")) {
    const role = element.getAttribute("role");
    if (!ROLES.has(role)) { fault("role", element, `"${role}" is none`); continue; }
    const may = CHILDREN[role];
    if (may) {
      for (const child of element.children) {
        const is = roleOf(child);
        if (child.matches("script, template, colgroup") || child.getAttribute("aria-hidden") === "true" || is === "none" || is === "presentation") continue;
        if (is === null || !may.includes(is)) fault("role", child, `in ${role}`);
      }
    }
    if (["none", "presentation"].includes(role) && (element.tabIndex >= 0 || given(element))) fault("role", element, `${role}, and yet it is named or can be reached`);
    if (role === "img" && !given(element) && !element.querySelector(":scope > title")) fault("role", element, "a picture without a name");
    if (["checkbox", "radio", "switch"].includes(role) && !element.hasAttribute("aria-checked")) fault("role", element, "aria-checked is missing");
    if (role === "heading" && !element.hasAttribute("aria-level")) fault("role", element, "aria-level is missing");
  }
  for (const element of all("[role], td, th, tr, li, option")) {
    const needed = PARENTS[element.getAttribute("role")];
    if (!needed) continue;
    let at = element.parentElement;
    while (at && (roleOf(at) === null || ["none", "presentation", "generic"].includes(roleOf(at)))) at = at.parentElement;
    if (!at || !needed.split(", ").includes(roleOf(at))) fault("role", element, `is not in ${needed}`);
  }
  // A list without marks is read as none by some readers, unless it says that it is one.
  for (const list of all("ul, ol")) {
    const isBare = style(list).listStyleType === "none" || Array.from(list.children).every((item) => !style(item).display.includes("list-item"));
    if (isBare && !list.hasAttribute("role") && !list.closest("nav, [role=navigation]") && list.checkVisibility()) fault("lists", list, "without marks, and does not say that it is a list");
  }
  // A table that is laid out otherwise loses its rows, unless they say what they are.
  for (const part of all("table, thead, tbody, tr, td, th").filter((part) => part.checkVisibility())) {
    if (!style(part).display.startsWith("table") && !part.hasAttribute("role")) fault("tables", part, `is laid out as ${style(part).display}, and does not say what it is`);
  }
}

function states() {
  for (const element of all("*")) {
    for (const { name, value } of element.attributes) {
      if (!name.startsWith("aria-")) continue;
      if (STATES[name] ? !STATES[name].includes(value) : !OTHERS.has(name)) fault("aria", element, `${name}="${value}"`);
      if (NUMBERS.test(name) && !Number.isFinite(Number(value))) fault("aria", element, `${name}="${value}"`);
      if (["aria-label", "aria-description", "aria-valuetext", "aria-roledescription"].includes(name) && !value.trim()) fault("aria", element, `${name} is empty`);
      if (["aria-label", "aria-labelledby"].includes(name) && element.matches(NAMELESS) && !element.hasAttribute("role")) fault("aria", element, `${name} on what has no role`);
    }
    if (element.getAttribute("aria-hidden") === "true" && (element.tabIndex >= 0 || element.querySelector("a[href], button:not([disabled]), input:not([disabled]), select, textarea, summary, [tabindex='0']")) && element.checkVisibility()) fault("aria", element, "is hidden from readers, and the keyboard reaches it");
  }
  const acted = "a[href], button, input:not([type=hidden]), select, textarea, summary";
  for (const inner of all(acted)) {
    const outer = inner.parentElement.closest("a[href], button, summary, [role=button], [role=link]");
    if (outer) fault("nested", inner, `within ${outer.localName}`);
  }
  for (const skip of all("a[href^='#']")) {
    const target = document.getElementById(decodeURIComponent(skip.hash.slice(1)));
    if (skip.hash.length > 1 && !target) fault("references", skip, `leads to ${skip.hash}, which is not there`);
  }
  if (document.querySelector("meta[http-equiv=refresh]")) fault("timing", document.documentElement, "the page goes away by itself");
  for (const media of all("video, audio, marquee, blink")) fault("motion", media, "there is none in the console");
}

// What a person who sees little, hears little or points with difficulty would stumble over on the page as it stands.
// Answers with one line for each fault: the rule, the place, and what was measured.
const faults = [];
const fault = (rule, element, text) => faults.push(`${rule}: ${place(element)}: ${text}`);

function place(element) {
  if (!element || element === document.documentElement) return "html";
  const names = [];
  for (let at = element; at && at !== document.body && names.length < 4; at = at.parentElement) {
    const classes = typeof at.className === "string" && at.className ? "." + at.className.trim().split(/\s+/).join(".") : "";
    names.unshift(at.id ? `${at.localName}#${at.id}` : at.localName + classes);
  }
  const text = (element.textContent || "").trim().replace(/\s+/g, " ").slice(0, 40);
  return names.join(">") + (text ? ` "${text}"` : "");
}

const all = (selector, from = document) => Array.from(from.querySelectorAll(selector));
const style = (element, pseudo) => getComputedStyle(element, pseudo);

function isRendered(element) {
  if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true, contentVisibilityAuto: true })) return false;
  const box = element.getBoundingClientRect();
  return box.width > 1 && box.height > 1;
}

// Colours as the browser paints them, whatever notation the sheet uses.
const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const known = new Map();
function colour(text) {
  if (!known.has(text)) {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = "#000";
    pen.fillStyle = text;
    pen.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
    known.set(text, { red, green, blue, alpha: alpha / 255 });
  }
  return known.get(text);
}

function over(front, back, opacity = 1) {
  const alpha = front.alpha * opacity;
  const mix = (one, other) => one * alpha + other * (1 - alpha);
  return { red: mix(front.red, back.red), green: mix(front.green, back.green), blue: mix(front.blue, back.blue), alpha: 1 };
}

function luminance({ red, green, blue }) {
  const linear = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

function ratio(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

// What lies behind an element: the first opaque background above it, with everything translucent laid over it.
function behind(element) {
  const layers = [];
  for (let at = element; at; at = at.parentElement) {
    if (style(at).backgroundImage !== "none") return null;
    const paint = colour(style(at).backgroundColor);
    layers.push(paint);
    if (paint.alpha === 1) break;
  }
  const canvas = colour(matchMedia("(prefers-color-scheme: dark)").matches && style(document.documentElement).colorScheme.includes("dark") ? "#121212" : "#ffffff");
  return layers.reverse().reduce((back, front) => over(front, back), canvas);
}

function opacity(element) {
  let whole = 1;
  for (let at = element; at; at = at.parentElement) whole *= Number(style(at).opacity);
  return whole;
}

function contrast() {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || seen.has(element) || !isRendered(element)) continue;
    seen.add(element);
    if (element.closest("script, style, noscript, option, [disabled], [aria-disabled=true], [aria-hidden=true]")) continue;
    const { color, fill, fontSize, fontWeight } = style(element);
    const back = behind(element);
    if (!back) { fault("contrast", element, "lies on an image, which cannot be measured"); continue; }
    const inSvg = element instanceof SVGElement;
    const front = over(colour(inSvg ? fill : color), back, opacity(element));
    const size = parseFloat(fontSize);
    const needed = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700) ? 3 : 4.5;
    const has = ratio(front, back);
    if (has < needed - 0.005) fault("contrast", element, `${has.toFixed(2)} and must be ${needed}`);
  }
  for (const field of all("input:not([type=hidden]):not([type=checkbox]):not([type=radio]), select, textarea").filter(isRendered)) {
    const back = behind(field.parentElement);
    if (!back || field.disabled) continue;
    const own = over(colour(style(field).backgroundColor), back);
    const border = over(colour(style(field).borderBottomColor), back);
    const drawn = parseFloat(style(field).borderBottomWidth) > 0 ? ratio(border, back) : 0;
    if (Math.max(drawn, ratio(own, back)) < 3) fault("edge", field, `${drawn.toFixed(2)} against what is around it and must be 3`);
    if (field.placeholder) {
      const hint = ratio(over(colour(style(field, "::placeholder").color), own), own);
      if (hint < 4.5) fault("contrast", field, `placeholder ${hint.toFixed(2)} and must be 4.5`);
    }
  }
}

function structure() {
  const root = document.documentElement;
  if (!/^[a-z]{2,3}(-|$)/.test(root.lang)) fault("lang", root, `"${root.lang}"`);
  if (!document.title.trim()) fault("title", root, "empty");
  const viewport = document.querySelector("meta[name=viewport]")?.content ?? "";
  if (!viewport.includes("width=device-width") || /user-scalable\s*=\s*no|maximum-scale/.test(viewport)) fault("viewport", root, `"${viewport}"`);
  const headings = all("h1, h2, h3, h4, h5, h6").filter((heading) => heading.checkVisibility());
  if (headings.filter((heading) => heading.localName === "h1").length !== 1) fault("headings", root, `${headings.filter((h) => h.localName === "h1").length} of level 1`);
  let level = 0;
  for (const heading of headings) {
    const next = Number(heading.localName[1]);
    if (next > level + 1) fault("headings", heading, `level ${next} after ${level}`);
    if (!heading.textContent.trim()) fault("headings", heading, "empty");
    level = next;
  }
  const ids = new Set();
  for (const element of all("[id]")) {
    if (ids.has(element.id)) fault("ids", element, "twice");
    ids.add(element.id);
  }
  for (const name of ["aria-labelledby", "aria-describedby", "aria-controls", "aria-owns", "aria-errormessage", "for", "headers", "list", "form", "popovertarget"]) {
    for (const element of all(`[${name}]`)) {
      for (const id of element.getAttribute(name).split(/\s+/)) if (!ids.has(id)) fault("references", element, `${name} leads to "${id}", which is not there`);
    }
  }
  for (const element of all("[tabindex]")) if (element.tabIndex > 0) fault("tabindex", element, String(element.tabIndex));
  for (const image of all("img, area")) if (!image.hasAttribute("alt")) fault("alt", image, "missing");
  for (const image of all("svg").filter((svg) => !svg.parentElement.closest("svg"))) {
    const isHidden = image.closest("[aria-hidden=true]");
    const isNamed = image.getAttribute("role") === "img" && (image.getAttribute("aria-label") || image.getAttribute("aria-labelledby") || image.querySelector(":scope > title"));
    if (!isHidden && !isNamed) fault("alt", image, "a drawing is hidden from readers or named");
  }
  for (const list of all("ul, ol")) for (const child of list.children) if (!child.matches("li, script, template")) fault("lists", child, `in ${list.localName}`);
  for (const item of all("li")) if (!item.parentElement.matches("ul, ol, menu")) fault("lists", item, "outside of a list");
  for (const list of all("dl")) for (const child of list.children) if (!child.matches("dt, dd, div, script, template")) fault("lists", child, "in dl");
  for (const frame of all("iframe, object, embed")) fault("frames", frame, "there is none in the console");
  for (const time of all("time")) if (Number.isNaN(Date.parse(time.dateTime))) fault("time", time, `"${time.dateTime}"`);
}

function tables() {
  for (const table of all("table")) {
    const isNamed = table.caption?.textContent.trim() || table.getAttribute("aria-label") || table.getAttribute("aria-labelledby");
    if (!isNamed) fault("tables", table, "no caption");
    const heads = all("th", table);
    if (heads.length === 0) fault("tables", table, "no head cell");
    for (const head of heads) {
      if (!["col", "row", "colgroup", "rowgroup"].includes(head.scope)) fault("tables", head, "no scope");
      if (!head.textContent.trim()) fault("tables", head, "empty head cell");
    }
  }
}

function controls() {
  const fields = all("input:not([type=hidden]), select, textarea");
  for (const field of fields) {
    const label = Array.from(field.labels ?? []).map((label) => label.textContent.trim()).join(" ");
    const named = label || field.getAttribute("aria-label") || field.getAttribute("aria-labelledby") || (["submit", "button"].includes(field.type) && field.value);
    if (!named) fault("labels", field, "none");
    if (field.matches("select[required]:not([multiple])") && field.options[0]?.value !== "") fault("labels", field, "must be chosen, and something is chosen already");
    if (field.type === "password" && !["current-password", "new-password"].includes(field.autocomplete)) fault("autocomplete", field, `"${field.autocomplete}" for a password`);
    if (field.getAttribute("aria-invalid") === "true" && !field.getAttribute("aria-describedby") && !field.getAttribute("aria-errormessage")) fault("labels", field, "is wrong, and nothing says why");
  }
  for (const group of all("fieldset")) if (!group.querySelector(":scope > legend")?.textContent.trim()) fault("labels", group, "no legend");
  for (const link of all("a")) {
    if (!link.hasAttribute("href")) fault("links", link, "leads nowhere");
    if (link.target === "_blank" && !link.rel.includes("noopener")) fault("links", link, "opens a window that can reach back");
    if (link.closest("p, .prose") && isRendered(link) && !link.matches(".button") && !style(link).textDecorationLine.includes("underline")) {
      const around = link.closest("p, .prose").textContent.trim().length > link.textContent.trim().length + 2;
      if (around) fault("links", link, "in running text, told apart by colour alone");
    }
  }
  for (const box of all("*")) {
    const { overflowX, overflowY } = style(box);
    const scrolls = (["auto", "scroll"].includes(overflowX) && box.scrollWidth > box.clientWidth + 1) || (["auto", "scroll"].includes(overflowY) && box.scrollHeight > box.clientHeight + 1);
    if (scrolls && box !== document.documentElement && box !== document.body && box.tabIndex < 0 && !box.querySelector("a[href], button, input, select, textarea, summary, [tabindex='0']") && !box.matches("textarea, select")) fault("scrolling", box, "scrolls, and the keyboard cannot reach it");
  }
}

// WCAG 2.2, 2.5.8: 24 by 24 pixels, or so far from every other target that a circle of 24 pixels touches none.
function targets() {
  const all_targets = all("a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [role=tab], label:has(input)").filter(isRendered);
  const boxes = all_targets.map((element) => ({ element, box: element.getBoundingClientRect() }));
  for (const { element, box } of boxes) {
    if (box.width >= 23.5 && box.height >= 23.5) continue;
    // Links in a sentence, and controls whose looks are the browser's own, are exempt.
    if (element.matches("a") && isInSentence(element)) continue;
    if (element.matches("input[type=checkbox], input[type=radio]") && element.closest("label")) continue;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const close = boxes.find((other) => {
      if (other.element === element || other.element.contains(element) || element.contains(other.element)) return false;
      // The circle touches neither another target nor the circle of another small one.
      const [dx, dy] = [Math.max(other.box.left - x, 0, x - other.box.right), Math.max(other.box.top - y, 0, y - other.box.bottom)];
      if (Math.hypot(dx, dy) < 11.75) return true;
      const isSmall = other.box.width < 23.5 || other.box.height < 23.5;
      const [a, b] = [other.box.x + other.box.width / 2, other.box.y + other.box.height / 2];
      return isSmall && Math.hypot(a - x, b - y) < 23.5;
    });
    if (close) fault("target", element, `${box.width.toFixed(0)} by ${box.height.toFixed(0)}, beside ${place(close.element)}`);
  }
}

// Whether text that is no target stands in the same line: a cell or an entry that holds links alone, one below the other,
// is no sentence.
function isInSentence(link) {
  if (style(link).display !== "inline") return false;
  const isWord = (node) => node && node.nodeType === Node.TEXT_NODE && /[\p{L}\p{N}]/u.test(node.data);
  const isBeside = (node, step) => {
    for (let at = node[step]; at && at.localName !== "br"; at = at[step]) {
      if (isWord(at)) return true;
      if (at.nodeType === Node.ELEMENT_NODE && !at.matches("a, button, input, summary")) {
        const words = document.createTreeWalker(at, NodeFilter.SHOW_TEXT);
        if (style(at).display.startsWith("inline") && !at.querySelector("a, button") && isWord(words.nextNode())) return true;
        if (!style(at).display.startsWith("inline")) return false;
      }
    }
    const around = node.parentElement;
    return around && style(around).display === "inline" ? isBeside(around, step) : false;
  };
  return isBeside(link, "previousSibling") || isBeside(link, "nextSibling");
}

function focus() {
  const before = document.activeElement;
  const stops = all("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]").filter((element) => element.tabIndex >= 0 && !element.disabled && isRendered(element));
  const looks = (element) => {
    const { outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor, backgroundColor, textDecorationLine } = style(element);
    return { outline: outlineStyle !== "none" && parseFloat(outlineWidth) >= 1 ? outlineColor : null, outlineWidth: parseFloat(outlineWidth), rest: [boxShadow, borderColor, backgroundColor, textDecorationLine].join("|") };
  };
  for (const element of stops) {
    element.blur();
    const off = looks(element);
    element.focus({ focusVisible: true, preventScroll: true });
    if (document.activeElement !== element) continue;
    const on = looks(element);
    if (on.outline && on.outline !== off.outline) {
      const back = behind(element.parentElement ?? element);
      if (on.outlineWidth < 2) fault("focus", element, `an outline of ${on.outlineWidth} pixels`);
      else if (back && ratio(over(colour(on.outline), back), back) < 3) fault("focus", element, `an outline of contrast ${ratio(over(colour(on.outline), back), back).toFixed(2)}`);
    } else if (on.rest === off.rest) fault("focus", element, "nothing shows that it has the focus");
  }
  document.activeElement?.blur?.();
  before?.focus?.({ preventScroll: true });
}

function motion() {
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  for (const animation of document.getAnimations()) {
    const timing = animation.effect?.getComputedTiming();
    if (animation.playState === "running" && timing?.duration > 10) fault("motion", animation.effect.target, "moves although less motion is wanted");
  }
}

function width() {
  const page = document.documentElement;
  if (page.scrollWidth > innerWidth + 1) {
    const wide = all("body *").filter((element) => element.getBoundingClientRect().right > innerWidth + 1 && isRendered(element)).filter((element) => {
      for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) if (["auto", "scroll", "hidden", "clip"].includes(style(at).overflowX)) return false;
      return true;
    });
    fault("width", wide.at(-1) ?? page, `the page is ${page.scrollWidth} pixels wide in ${innerWidth}`);
  }
}

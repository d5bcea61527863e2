// @ts-check
/** Texts that come from elsewhere, made safe to look at: what would do something instead of being read is written out. */

/** Control characters, and those that are invisible or change the direction of writing. */
const DECEPTIVE =
  "\\p{Cc}\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}";
const ANY = new RegExp(`[${DECEPTIVE}]`, "u");
const EACH = new RegExp(`[${DECEPTIVE}]`, "gu");

/** @param {string} text */
export function isDeceptive(text) {
  return ANY.test(text);
}

/**
 * A character as its escape, such as `\u{202e}`.
 * @param {string} character
 */
export function escapeOf(character) {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/**
 * The text with every deceptive character written as its escape; safe to show anywhere.
 * @param {string} text
 */
export function printable(text) {
  return text.replace(EACH, escapeOf);
}

/**
 * What an error says, safe to show.
 * @param {unknown} error
 */
export function said(error) {
  return printable(error instanceof Error ? error.message : String(error));
}

/**
 * Whether a person's reason is one: 1 to 200 characters, not all spaces, none deceptive.
 * @param {string} text
 */
export function isReason(text) {
  return text.trim() !== "" && [...text].length <= 200 && !isDeceptive(text) && text.isWellFormed();
}

/**
 * The text cut into what is plainly read and what has to be marked, in order. Line breaks and tabs are plain where
 * `breaks` says so.
 * @param {string} text
 * @param {boolean} breaks
 * @returns {{ text: string, marked: boolean }[]}
 */
export function pieces(text, breaks) {
  /** @type {{ text: string, marked: boolean }[]} */
  const found = [];
  let from = 0;
  for (const match of text.matchAll(EACH)) {
    const character = match[0];
    if (breaks && (character === "\n" || character === "\t")) {
      continue;
    }
    if (match.index > from) {
      found.push({ text: text.slice(from, match.index), marked: false });
    }
    const before = found.at(-1);
    if (before?.marked === true && match.index === from) {
      before.text += escapeOf(character);
    } else {
      found.push({ text: escapeOf(character), marked: true });
    }
    from = match.index + character.length;
  }
  if (from < text.length) {
    found.push({ text: text.slice(from), marked: false });
  }
  return found;
}

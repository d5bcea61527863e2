// @ts-check
/**
 * Reading an answer: sealed frames go in, and every row that comes out is held against its root. Rows of an item that is
 * opened whole prove one another, and an answer that was cut off shows it at its end; so nothing leaves this module before
 * `finish` has found that everything came that was asked for, and nothing else.
 */

import { toHex, u32 } from "./bytes.js";
import { HpkeError, Opener, TAG } from "./hpke.js";
import { Frontier, leafHash, whyNotIncluded } from "./merkle.js";
import { MAX_CIPHERTEXT } from "./octets.js";
import { AnswerError, headerLimit, MAX_KEPT, nextRow, opened, planned, readHeader, TooMuchError, unproven } from "./plan.js";
import { Sha256 } from "./sha256.js";

/** Bytes of one row. */
export const MAX_ROW = 64 * 1024 * 1024;

const HEAD = 8 + 32 + 4;

/** @typedef {import("./request.js").PendingRequest} PendingRequest */
/** @typedef {import("./plan.js").Commitment} Commitment */
/** @typedef {import("./plan.js").OpenedItem} OpenedItem */

/** Opens the answer to a request. */
export class AnswerReader {
  /**
   * @param {PendingRequest} request
   * @param {Opener} opener
   * @param {OpenedItem[]} items
   * @param {Uint8Array} enc
   */
  constructor(request, opener, items, enc) {
    this.request = request;
    this.opener = opener;
    this.items = items;
    this.hash = new Sha256().update(enc);
    /** @type {"header" | "rows" | "ended" | "refused"} */
    this.stage = "header";
    this.buffer = new Buffer();
    this.frames = 0;
    /** @type {Uint8Array[][][]} */
    this.paths = [];
    this.tree = new Frontier();
    this.item = 0;
    this.bytes = 0;
    /** Rows so far, and in all. */
    this.count = 0;
    this.expected = items.reduce((sum, item) => sum + opened(item), 0);
  }

  /**
   * Begins to read the answer that begins with `enc`. `attested` are the commitments of the request's items, in its order,
   * as the attested manifest states them.
   * @param {PendingRequest} request
   * @param {{ privateKey: CryptoKey, publicBytes: Uint8Array }} recipient
   * @param {Uint8Array} enc
   * @param {Commitment[]} attested
   */
  static async begin(request, recipient, enc, attested) {
    const asked = request.says.items;
    if (attested.length !== asked.length) {
      throw new AnswerError("rows.proven", "there is not one attested commitment for each item");
    }
    const items = asked.map((item, at) => planned(item, attested[at]));
    try {
      const opener = await Opener.begin(recipient.privateKey, recipient.publicBytes, enc, request.info());
      return new AnswerReader(request, opener, items, enc);
    } catch (error) {
      throw error instanceof HpkeError ? new AnswerError("answer.opened", "nothing can be opened with this key") : error;
    }
  }

  /**
   * Opens the next frame. After an error every further frame is refused.
   * @param {Uint8Array} ciphertext
   * @param {boolean} last
   */
  async frame(ciphertext, last) {
    if (this.stage === "ended") {
      this.stage = "refused";
      throw unproven("the answer goes on after its end");
    }
    if (this.stage === "refused") {
      throw new AnswerError("answer.opened", "the answer was refused before this frame");
    }
    const { stage } = this;
    // Until all of it is found in order.
    this.stage = "refused";
    await this.decrypt(ciphertext, last);
    this.stage = stage;
    try {
      this.read(last);
    } catch (error) {
      this.stage = "refused";
      throw error instanceof AnswerError || error instanceof TooMuchError ? error : unproven(`the answer's header: ${error instanceof Error ? error.message : error}`);
    }
  }

  /**
   * The verdict: everything that was asked for came, and nothing else, and it is what the Runner committed to.
   * @returns {{ items: OpenedItem[], rows: number, bytes: number, sealedSha256: string }}
   */
  finish() {
    if (this.stage === "refused") {
      throw new AnswerError("answer.opened", "the answer was refused before its end");
    }
    if (this.stage !== "ended") {
      throw unproven("the answer ends too early: its last frame did not come");
    }
    this.stage = "refused";
    return { items: this.items, rows: this.count, bytes: this.bytes, sealedSha256: toHex(this.hash.digest()) };
  }

  /**
   * @param {Uint8Array} ciphertext
   * @param {boolean} last
   */
  async decrypt(ciphertext, last) {
    const frame = this.frames;
    const refused = (/** @type {string} */ why) => new AnswerError("answer.opened", `frame ${frame} ${why}`);
    if (ciphertext.length < TAG || ciphertext.length > MAX_CIPHERTEXT) {
      throw refused(`has ${ciphertext.length} bytes; ${TAG} to ${MAX_CIPHERTEXT} are allowed`);
    }
    let plain;
    try {
      plain = await this.opener.open(Uint8Array.of(last ? 1 : 0), ciphertext);
    } catch {
      throw refused(
        "does not open: it was changed, left out or reordered, it is not the last one or is, or the answer was sealed " +
          "to another key or for another request",
      );
    }
    if (plain.length === 0 && !last) {
      throw refused("is empty and not the last one");
    }
    this.frames += 1;
    this.hash.update(u32(ciphertext.length)).update(ciphertext);
    this.buffer.push(plain);
  }

  /** @param {boolean} last */
  read(last) {
    while (this.stage === "header" ? this.readHeader() : this.readRow()) {
      // Until more has to come first.
    }
    if (!last) {
      return;
    }
    if (this.stage === "header") {
      throw unproven("the answer ends too early: its header did not come whole");
    }
    const next = this.items[this.item];
    if (next !== undefined) {
      throw unproven(`the answer ends too early: row ${nextRow(next)} of item ${next.item} is missing`);
    }
    this.stage = "ended";
  }

  readHeader() {
    const head = this.buffer.peek(4);
    if (head === null) {
      return false;
    }
    const length = view(head).getUint32(0);
    const limit = headerLimit(this.items);
    if (length > limit) {
      throw unproven(`the answer's header has ${length} bytes; this answer calls for ${limit} at most`);
    }
    if (this.buffer.length < 4 + length) {
      return false;
    }
    this.buffer.take(4);
    this.paths = readHeader(this.buffer.take(length), this.request.says.request, this.items);
    this.stage = "rows";
    this.judgeFinished();
    return true;
  }

  readRow() {
    const item = this.items[this.item];
    if (item === undefined) {
      if (this.buffer.length > 0) {
        throw unproven("the answer goes on after its end");
      }
      return false;
    }
    const expected = nextRow(item);
    const place = this.buffer.peek(8);
    if (place === null) {
      return false;
    }
    const found = view(place).getBigUint64(0);
    if (found !== BigInt(expected ?? -1)) {
      throw unproven(`row ${found} comes where row ${expected} was expected: rows were added, left out or reordered`);
    }
    const head = this.buffer.peek(HEAD);
    if (head === null) {
      return false;
    }
    const length = view(head).getUint32(40);
    if (length > MAX_ROW) {
      throw unproven(`a row of ${length} bytes; at most ${MAX_ROW} are allowed`);
    }
    if (this.buffer.length < HEAD + length) {
      return false;
    }
    const salt = this.buffer.take(HEAD).subarray(8, 40);
    this.takeRow(item, Number(found), salt, this.buffer.take(length));
    return true;
  }

  /**
   * @param {OpenedItem} item
   * @param {number} index
   * @param {Uint8Array} salt
   * @param {Uint8Array} row
   */
  takeRow(item, index, salt, row) {
    const leaf = leafHash(salt, row);
    if (item.listed === null) {
      this.tree.push(leaf);
    } else {
      const path = this.paths[this.item]?.[item.rows.length] ?? [];
      const why = whyNotIncluded(leaf, index, item.commitment.rows, path, item.commitment.root);
      if (why !== null) {
        throw unproven(`item ${item.item}: row ${index} is not what was committed to: ${why}`);
      }
    }
    this.bytes += row.length;
    if (this.bytes > MAX_KEPT) {
      throw new TooMuchError(`more than ${MAX_KEPT} bytes`);
    }
    this.count += 1;
    item.rows.push({ index, row });
    this.judgeFinished();
  }

  /** Judges every item whose rows have all come, also those without rows, and goes on to the one that has more. */
  judgeFinished() {
    for (let item = this.items[this.item]; item !== undefined && nextRow(item) === null; item = this.items[this.item]) {
      if (item.listed === null && toHex(this.tree.root()) !== toHex(item.commitment.root)) {
        throw unproven(`item ${item.item}: the rows are not those that were committed to, or not in that order`);
      }
      this.tree = new Frontier();
      this.item += 1;
    }
  }
}

/** Plaintext that waits for the rest of its row; a large row is not copied again with each of its pieces. */
class Buffer {
  constructor() {
    /** @type {Uint8Array[]} */
    this.pieces = [];
    this.length = 0;
  }

  /** @param {Uint8Array} piece */
  push(piece) {
    if (piece.length > 0) {
      this.pieces.push(piece);
      this.length += piece.length;
    }
  }

  /**
   * The first bytes, which stay; null if there are not as many.
   * @param {number} count
   */
  peek(count) {
    if (this.length < count) {
      return null;
    }
    const first = this.pieces[0];
    if (first !== undefined && first.length >= count) {
      return first.subarray(0, count);
    }
    const bytes = this.take(count);
    this.pieces.unshift(bytes);
    this.length += count;
    return bytes;
  }

  /**
   * The first bytes, which go. There have to be as many.
   * @param {number} count
   */
  take(count) {
    const bytes = new Uint8Array(count);
    let at = 0;
    let used = 0;
    while (at < count) {
      const piece = this.pieces[used];
      const part = piece.subarray(0, count - at);
      bytes.set(part, at);
      at += part.length;
      if (part.length === piece.length) {
        used += 1;
      } else {
        this.pieces[used] = piece.subarray(part.length);
      }
    }
    this.pieces.splice(0, used);
    this.length -= count;
    return bytes;
  }
}

/** @param {Uint8Array} bytes */
function view(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

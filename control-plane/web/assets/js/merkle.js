// @ts-check
/** The tree of RFC 9162 §2.1 over salted rows: what a commitment's root stands for. */

import { same } from "./bytes.js";
import { sha256 } from "./sha256.js";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/**
 * @param {Uint8Array} salt
 * @param {Uint8Array} row
 */
export function leafHash(salt, row) {
  return sha256(LEAF, salt, row);
}

/**
 * @param {Uint8Array} left
 * @param {Uint8Array} right
 */
export function nodeHash(left, right) {
  return sha256(NODE, left, right);
}

/** A growing tree; only the roots of its complete subtrees are kept, the largest first. */
export class Frontier {
  constructor() {
    this.size = 0;
    /** @type {Uint8Array[]} */
    this.peaks = [];
  }

  /** @param {Uint8Array} leaf */
  push(leaf) {
    let hash = leaf;
    for (let index = this.size; index % 2 === 1; index = Math.floor(index / 2)) {
      const left = this.peaks.pop();
      hash = left === undefined ? hash : nodeHash(left, hash);
    }
    this.peaks.push(hash);
    this.size += 1;
  }

  root() {
    const last = this.peaks.at(-1);
    return last === undefined ? sha256() : this.peaks.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last);
  }
}

/**
 * Why a leaf does not stand at this position of the tree with this root; null if it does (RFC 9162 §2.1.3.2).
 * @param {Uint8Array} leaf
 * @param {number} index
 * @param {number} size
 * @param {Uint8Array[]} path sibling first
 * @param {Uint8Array} root
 * @returns {string | null}
 */
export function whyNotIncluded(leaf, index, size, path, root) {
  if (index >= size) {
    return `position ${index} lies beyond a tree of ${size} leaves`;
  }
  const length = `the proof has ${path.length} hashes, which is not what the sizes call for`;
  let [position, last, hash] = [index, size - 1, leaf];
  const climb = () => {
    position = Math.floor(position / 2);
    last = Math.floor(last / 2);
  };
  for (const sibling of path) {
    if (last === 0) {
      return length;
    }
    if (position % 2 === 1 || position === last) {
      hash = nodeHash(sibling, hash);
      while (position % 2 === 0 && position !== 0) {
        climb();
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    climb();
  }
  if (last !== 0) {
    return length;
  }
  return same(hash, root) ? null : "the proof leads to another root";
}

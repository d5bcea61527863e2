// Openings of commitments that the Rust code made: arguments[1] is the list of them.
const [base, openings] = arguments;
const { fromBase64, fromHex, same } = await import(base + "bytes.js");
const { Frontier, leafHash, whyNotIncluded } = await import(base + "merkle.js");
let held = 0;
const failed = [];
const check = (what, holds) => (holds ? (held += 1) : failed.push(what));
for (const { rows, root: hex, all, paths } of openings) {
  const root = fromHex(hex);
  const tree = new Frontier();
  const leaves = all.map(([salt, row]) => leafHash(fromBase64(salt), fromBase64(row)));
  leaves.forEach((leaf) => tree.push(leaf));
  check(`all of ${rows}`, same(tree.root(), root));
  for (const [at, hexes] of paths.entries()) {
    const path = hexes.map(fromHex);
    const what = `${at} of ${rows}`;
    check(what, whyNotIncluded(leaves[at], at, rows, path, root) === null);
    check(`${what} at another place`, rows === 1 || whyNotIncluded(leaves[at], (at + 1) % rows, rows, path, root) !== null);
    check(`${what} under another root`, whyNotIncluded(leaves[at], at, rows, path, leaves[at].map((byte) => byte ^ 1)) !== null);
    check(`${what} with more`, whyNotIncluded(leaves[at], at, rows, [...path, root], root) !== null);
    const swapped = path.map((hash, place) => (place === 0 ? hash.map((byte) => byte ^ 128) : hash));
    check(`${what} along another path`, path.length === 0 || whyNotIncluded(leaves[at], at, rows, swapped, root) !== null);
  }
}
return { held, failed };

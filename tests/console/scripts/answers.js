// Reads sealed answers: arguments[1] is the answer, arguments[2] what is done to it on its way. For each change, a digest of
// all rows and of what was sealed, or the step at which it fails.
const [base, given, changes] = arguments;
const load = (name) => import(base + name);
const { AnswerReader } = await load("answer.js");
const { concat, fromBase64, fromHex, toHex, u32, utf8 } = await load("bytes.js");
const { OctetsError, Splitter } = await load("octets.js");
const { AnswerError } = await load("plan.js");
const { PendingRequest } = await load("request.js");
const { sha256 } = await load("sha256.js");

const pending = new PendingRequest(fromBase64(given.payload));
const pkcs8 = concat(fromHex("302e020100300506032b656e04220420"), fromHex(given.private));
const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "X25519" }, true, ["deriveBits"]);
const { x } = await crypto.subtle.exportKey("jwk", privateKey);
const publicBytes = fromBase64(`${x.replaceAll("-", "+").replaceAll("_", "/")}=`);
const attested = given.attested.map(({ rows, root }) => ({ rows, root: fromHex(root) }));

function octetsOf({ order, flip, cut, more }) {
  const enc = fromBase64(given.enc);
  const frames = given.frames.map(fromBase64);
  if (flip !== null) {
    const [frame, byte, mask] = flip;
    (frame === null ? enc : frames[frame])[byte] ^= mask;
  }
  const whole = concat(enc, ...order.flatMap((at) => [u32(frames[at].length), frames[at]]));
  return concat(whole.subarray(0, whole.length - cut), fromBase64(more));
}

async function readOf(octets) {
  const splitter = new Splitter();
  let reader = null;
  for (let at = 0; at <= octets.length; ) {
    const ended = at === octets.length;
    const next = Math.min(octets.length, at + 1 + Math.floor(Math.random() * 200_000));
    for (const part of ended ? [splitter.finish()] : splitter.push(octets.subarray(at, next))) {
      if ("enc" in part) {
        reader = await AnswerReader.begin(pending, { privateKey, publicBytes }, part.enc, attested);
      } else if (reader === null) {
        throw new OctetsError("no key");
      } else {
        await reader.frame(part.ciphertext, part.last);
      }
    }
    if (ended) {
      return reader === null ? null : reader.finish();
    }
    at = next;
  }
}

const said = [];
for (const change of changes) {
  try {
    const summary = await readOf(octetsOf(change));
    const lines = summary.items.flatMap(({ item, rows }) => rows.map(({ index, row }) => `${item} ${index} ${toHex(sha256(row))}\n`));
    said.push({ rows: `${toHex(sha256(utf8(lines.join(""))))} ${summary.sealedSha256}`, step: "" });
  } catch (error) {
    if (!(error instanceof AnswerError || error instanceof OctetsError)) {
      throw error;
    }
    said.push({ rows: null, step: error instanceof AnswerError ? error.step : "answer.sealed", why: error.message });
  }
}
return said;

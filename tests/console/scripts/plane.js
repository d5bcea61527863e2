// A control plane in the page, for scripts that talk with one: what a path answers is said by the test, call by call.
// What is asked stands in `asked`. Keys of a Runner are made here, so that receipts can be signed as one signs them.
const [base, ...given] = arguments;
const load = (name) => import(base + name);
const { concat, fromBase64, fromHex, toBase64, toHex, utf8 } = await load("bytes.js");
const { pae } = await load("dsse.js");
const { p256Key } = await load("keys.js");
let held = 0;
const failed = [];
const check = (what, holds) => (holds ? (held += 1) : failed.push(what));

const asked = [];
let answers = {};
const problem = (status, code) => () => new Response(JSON.stringify({ code, title: "no", next: "try again" }), { status });
const document_ = (value) => () => new Response(JSON.stringify(value));
const octets = (bytes) => () => new Response(bytes);
const lost = () => {
  throw new TypeError("the connection was cut");
};
window.fetch = async (path, options = {}) => {
  const method = options.method ?? "GET";
  asked.push({ method, path, body: options.body ?? "", key: options.headers?.["Idempotency-Key"] ?? "" });
  const list = answers[`${method} ${path}`] ?? [problem(404, "E-WEB-002")];
  // The last answer is given from then on.
  return (list.length > 1 ? list.shift() : list[0])();
};
// Nothing here waits as long as it would.
const realTimeout = window.setTimeout;
window.setTimeout = (act, ms, ...more) => realTimeout(act, Math.min(ms ?? 0, 5), ...more);

const der = (raw) => {
  const integer = (bytes) => {
    let at = 0;
    while (at < 31 && bytes[at] === 0) {
      at += 1;
    }
    const digits = bytes.subarray(at);
    const padded = digits[0] > 0x7f ? concat(Uint8Array.of(0), digits) : digits;
    return concat(Uint8Array.of(2, padded.length), padded);
  };
  const both = concat(integer(raw.subarray(0, 32)), integer(raw.subarray(32)));
  return concat(Uint8Array.of(0x30, both.length), both);
};
const runnerPair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
const runnerKey = await p256Key(new Uint8Array(await crypto.subtle.exportKey("spki", runnerPair.publicKey)));
const receiptOf = async (type, says) => {
  const payload = utf8(JSON.stringify(says));
  const raw = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, runnerPair.privateKey, pae(type, payload));
  const signatures = [{ keyid: runnerKey.id, sig: toBase64(der(new Uint8Array(raw))) }];
  return utf8(JSON.stringify({ payloadType: type, payload: toBase64(payload), signatures }));
};
const journal = { seq: 5, hash: "0".repeat(64) };
const told = [];
const teller = {
  holds: (step) => told.push(`+${step}`),
  fails: (step) => told.push(`-${step}`),
  says: (text) => told.push(text),
  leaves: () => told.push("left"),
  waits: () => {},
  came: (rows, of) => told.push(`${rows}/${of}`),
  asked: () => {},
};

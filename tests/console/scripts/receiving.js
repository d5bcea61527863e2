// The answer to a request beside receipts that say something else. given[0] are the golden vectors of the formats.
const { receive, Refused } = await load("receiving.js");
const { freshPair, Opener } = await load("hpke.js");
const { parseManifest } = await load("manifest.js");
const { isTooMuch, MAX_KEPT } = await load("plan.js");
const { PendingRequest } = await load("request.js");
const { ago, moment, momentAndAgo } = await load("time.js");
const { u32 } = await load("bytes.js");
const { sha256 } = await load("sha256.js");
const [formats] = given;
const TYPE = "application/vnd.proctor.drilldown-receipt.v1+json";
const golden = formats.drilldown;
const manifest = parseManifest(utf8(formats.manifest));
const pending = new PendingRequest(fromBase64(golden.request_envelope.payload));
const pkcs8 = concat(fromHex("302e020100300506032b656e04220420"), fromHex(golden.recipient_private));
const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "X25519" }, false, ["deriveBits"]);
const recipient = { privateKey, publicBytes: pending.says.recipient };
const id = pending.says.request;
const items = pending.says.items.map(({ item, rows }) => ({ line: manifest.items.find((line) => line.item === item), rows }));
const frames = golden.frames.map(fromBase64);
const sealed = concat(fromBase64(golden.enc), ...frames.flatMap((frame) => [u32(frame.length), frame]));
const names = { procedure: "Accounts", runner: "vienna", item: (item) => `what is called ${item}` };
const question = { runnerKey, names, zone: "Europe/Vienna" };
const path = `/console/drilldowns/${id}`;

async function received({ decision, code = null, answer = octets(sealed), more = {} }) {
  told.length = 0;
  const sealedSha256 = decision === "answered" && code === null ? toHex(sha256(sealed)) : null;
  const says = { v: 1, request: id, request_sha256: toHex(pending.sha256), decision, code, sealed_sha256: sealedSha256, at: "2026-11-22T09:14:05.000Z", journal, ...more };
  answers = {
    [`POST ${path}/answer`]: [answer],
    [`GET ${path}/receipt`]: [octets(await receiptOf(TYPE, says))],
    [`GET ${path}`]: [document_({ state: "answered" })],
  };
  try {
    const summary = await receive(question, { manifest, items }, { id, pending, recipient }, teller);
    return { rows: summary.rows, error: null };
  } catch (error) {
    return { rows: null, error };
  }
}

const whole = await received({ decision: "answered" });
check(`an honest answer: ${whole.error}`, whole.rows === items.reduce((sum, { line, rows }) => sum + (rows?.length ?? line.rows), 0));
check(`how much came was told: ${told}`, told.includes(`${whole.rows}/${whole.rows}`));

const contradiction = await received({ decision: "refused", code: "E-DRILL-012" });
check("a refusal beside a proven answer is a red step", contradiction.rows === null && told.includes("-answer.sealed"));
check("it is not said that nothing was opened", !(contradiction.error instanceof Refused) && contradiction.error.message.includes("opened"));
const seenBeside = await received({ decision: "refused", code: "E-DRILL-010" });
check("decided before, beside a proven answer", seenBeside.rows === null && told.includes("-answer.sealed"));
const none = problem(404, "E-OPS-004");
const refused = await received({ decision: "refused", code: "E-DRILL-012", answer: none });
check("a refusal without an answer", refused.error instanceof Refused && refused.error.refusal === "E-DRILL-012" && told.includes("+receipt.signature"));
const seen = await received({ decision: "refused", code: "E-DRILL-010", answer: none });
check("decided before is no refusal", !(seen.error instanceof Refused) && seen.error.message.includes("not known here"));
const cut = await received({ decision: "answered", code: "E-DRILL-029", answer: octets(sealed.subarray(0, 40)) });
check("an answer that was cut off", cut.rows === null && told.includes("-answer.sealed"));
const wholeAndCut = await received({ decision: "answered", code: "E-DRILL-029" });
check("cut off, beside a whole answer", wholeAndCut.rows === null && told.includes("-answer.sealed") && wholeAndCut.error.message.includes("E-DRILL-029"));
const foreign = await received({ decision: "answered", more: { sealed_sha256: "0".repeat(64) } });
check("a receipt of another answer", foreign.rows === null && told.includes("-answer.sealed"));

// What is too much for a page is known before it is asked for.
const file = (rows) => ({ form: "blob", rows });
const pieces = MAX_KEPT / 65_536;
check("a file that fits", !isTooMuch([{ line: file(pieces + 1), rows: null }]));
check("a file that does not", isTooMuch([{ line: file(pieces + 2), rows: null }]));
check("together they do not", isTooMuch([{ line: file(pieces), rows: null }, { line: file(3), rows: null }]));
check("some pieces of it do", !isTooMuch([{ line: file(pieces * 4), rows: [0, 1, 2] }]));
check("rows are as long as they are", !isTooMuch([{ line: { form: "rows", rows: 1_000_000 }, rows: null }]));

check("a time in its zone", moment(Date.parse("2026-11-22T09:14:05.000Z"), "Europe/Vienna") === "2026-11-22 10:14:05 Europe/Vienna");
const [at, minute, hour] = [Date.parse("2026-11-22T09:14:05.000Z"), 60_000, 3_600_000];
check("and how long ago", momentAndAgo(at, "Europe/Vienna", at + 3 * minute) === "2026-11-22 10:14:05 Europe/Vienna · 3 min ago");
for (const [ms, words] of [
  [0, "now"], [999, "now"], [-999, "now"], [3_000, "3 s ago"], [185_000, "3 min ago"], [-2 * hour, "in 2 h"], [125 * minute, "2 h 5 min ago"],
  [24 * hour, "1 day ago"], [25 * hour, "1 day 1 h ago"], [12 * 24 * hour + hour, "12 days ago"],
]) {
  check(`${ms} ms are ${words}`, ago(ms) === words);
}
check("a time in no zone", moment(0, "Nowhere/At all").startsWith("1970-01-01 00:00:00"));

// The same request is not answered to another key.
const other = await freshPair();
const closed = await Opener.begin(other.privateKey, other.publicBytes, fromBase64(golden.enc), pending.info()).then((opener) => opener.open(Uint8Array.of(0), frames[0])).then(() => false, () => true);
check("another key opens nothing", closed);
return { held, failed };

// A secret on its way, past a control plane that lies, and over a network that fails. given[0] is the golden draft.
const { sendSecret } = await load("sending.js");
const { isNewest } = await load("keeping.js");
const { sha256 } = await load("sha256.js");
const { toSign } = await load("secret.js");
const TYPE = "application/vnd.proctor.secret-receipt.v1+json";
const golden = JSON.parse(given[0]);
const path = `/console/secrets/${golden.request}`;
const sealingPair = await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
const sealing = new Uint8Array(await crypto.subtle.exportKey("raw", sealingPair.publicKey));
const device = { fingerprint: golden.person.device, publicBase64: () => "AAAA", sign: async () => new Uint8Array(64) };
const keys = { attestation: runnerKey, sealing, label: "cellar", fingerprint: "00" };
let clock = 0;
let names = 0;

/** One sending: what the terms say instead, and what paths answer; gives what came of it. */
async function sent({ terms = {}, statement = "c3RhdGVtZW50", name = `name-${(names += 1)}`, issued, sealed, states, receipt, code = null }) {
  asked.length = 0;
  told.length = 0;
  clock += 1;
  const at = issued ?? Date.now() - 20_000 + clock;
  const draft = JSON.stringify({
    ...golden, name, runner_key: runnerKey.id, issued: new Date(at).toISOString(), expires: new Date(at + 900_000).toISOString(), ...terms,
  });
  const receipts = async () => {
    const body = JSON.parse(asked.findLast((call) => call.path === `${path}/sealed`).body);
    const says = {
      v: 1, request: golden.request, request_sha256: toHex(toSign(fromBase64(body.payload)).sha256),
      decision: code === null ? "accepted" : "refused", code, at: "2026-11-22T09:00:00.000Z", journal,
    };
    return new Response(await receiptOf(TYPE, says));
  };
  answers = {
    "POST /console/secrets": [document_({ id: golden.request, terms: { statement: "c3RhdGVtZW50", draft: toBase64(utf8(draft)) } })],
    [`POST ${path}/sealed`]: sealed ?? [document_({})],
    [`GET ${path}`]: states ?? [document_({ state: "accepted" })],
    [`GET ${path}/receipt`]: receipt ?? [receipts],
  };
  const question = {
    tenant: golden.tenant, owner: "tenant/ann", runner: golden.runner, label: "till", name, value: utf8("value"), keys, statement, device,
  };
  try {
    return { ...(await sendSecret(question, teller)), error: "" };
  } catch (error) {
    return { kind: "thrown", error: error.message };
  }
}
const left = () => told.includes("left");
const posts = () => asked.filter((call) => call.path === `${path}/sealed`);
const state = (word, more = {}) => document_({ state: word, ...more });
const said = (text) => told.some((line) => line.includes(text));

const plain = await sent({});
check("an honest way", plain.kind === "kept" && left() && told.includes("+receipt.signature"));
check("no life is asked for that the terms have by themselves", !JSON.parse(asked[0].body).wait_seconds);

// Terms that are not those of what is sent: nothing is sealed, nothing leaves.
const at = (ms) => new Date(ms).toISOString();
const now = Date.now();
for (const [what, terms] of Object.entries({
  "another name": { name: "other" },
  "another Runner": { runner: golden.tenant },
  "another tenant": { tenant: golden.runner },
  "another key of the Runner": { runner_key: "0".repeat(64) },
  "another device": { person: { ...golden.person, device: "0".repeat(64) } },
  "another request": { request: golden.tenant },
  "a longer life": { issued: at(now), expires: at(now + 900_001) },
  "a week": { issued: at(now), expires: at(now + 7 * 86_400_000) },
  "no life": { issued: at(now), expires: at(now) },
  "a time to come": { issued: at(now + 61_500), expires: at(now + 100_000) },
  "a time gone by": { issued: at(now - 61_500), expires: at(now + 100_000) },
  "sealed bytes": { sealed: {} },
})) {
  const refused = await sent({ terms });
  check(`terms with ${what}: ${JSON.stringify(refused)}`, refused.kind === "thrown" && told.includes("-request.content") && posts().length === 0);
}
const changed = await sent({ statement: "b3RoZXI=" });
check("another statement than the one that was judged", changed.kind === "thrown" && told.includes("-statement.pinned") && posts().length === 0);

// Which of two is newer, the control plane cannot turn round: not even within what clocks may differ.
const first = Date.now() - 1000;
check("the first", (await sent({ name: "twice", issued: first })).kind === "kept");
for (const [what, issued] of [["an earlier time", first - 40_000], ["the same time", first]]) {
  const older = await sent({ name: "twice", issued });
  check(`a second value under ${what}`, older.kind === "thrown" && told.includes("-request.content") && posts().length === 0);
}
check("a second value under a later one", (await sent({ name: "twice", issued: first + 1 })).kind === "kept");
check("it is kept beside the pin", !(await isNewest("tenant/ann", golden.runner, "twice", first)));

// A lost answer is no refusal.
const taken = await sent({ sealed: [lost, lost, lost], states: [state("waiting_for_runner"), state("accepted")] });
check(`an answer that was lost: ${JSON.stringify(taken)} ${told}`, taken.kind === "kept" && left());
const same = posts();
check("the same is sent again, as the same", same.length === 3 && new Set(same.map(({ body }) => body)).size === 1 && new Set(same.map(({ key }) => key)).size === 1 && same[0].key !== "");
const again = await sent({ sealed: [lost, lost, lost, document_({})], states: [state("to_seal"), state("accepted")] });
check("it did not arrive, and is sent again", again.kind === "kept" && posts().length === 4);
const conflict = await sent({ sealed: [lost, problem(409, "E-OPS-006")], states: [state("delivered"), state("accepted")] });
check("a conflict after a lost answer", conflict.kind === "kept" && left());
const never = await sent({ sealed: [lost], states: [state("to_seal")] });
check("nothing says that it never arrives", never.kind === "unsure" && !left());
const cut = await sent({ sealed: [lost, problem(409, "E-OPS-115")], states: [state("to_seal")] });
check("a conflict after a lost answer, and it is not there", cut.kind === "unsure" && !left());
const late = await sent({ sealed: [lost, problem(401, "E-AUTH-001")] });
check("a session that ends after a lost answer", late.kind === "unsure" && !left());
const busy = await sent({ sealed: [problem(429, "E-WEB-011")], states: [state("to_seal")] });
check("turned away", busy.kind === "thrown" && !left());
const other = await sent({ sealed: [problem(409, "E-OPS-115")], states: [state("to_seal")] });
check(`another session of the Runner: ${other.error}`, other.kind === "thrown" && other.error.includes("E-OPS-115") && !left() && posts().length === 1);
const refusedHere = await sent({ sealed: [problem(422, "E-OPS-001")] });
check("refused by the control plane", refusedHere.kind === "thrown" && !left());
const gone = await sent({ sealed: [lost], states: [problem(401, "E-AUTH-001")] });
check("nobody says whether it arrived", gone.kind === "unsure");

// What became of it is looked for on and on.
const shaky = await sent({ states: [lost, lost, lost, problem(429, "E-WEB-011"), problem(500, "E-WEB-012"), state("delivered"), state("accepted")] });
check(`looks that fail: ${JSON.stringify(shaky)}`, shaky.kind === "kept" && said("It was sent."));
const over = await sent({ states: [state("expired", { code: "E-OPS-106" })] });
check("given up", over.kind === "expired" && over.code === "E-OPS-106");
check("withdrawn", (await sent({ states: [state("cancelled")] })).kind === "cancelled");
const ended = await sent({ states: [problem(401, "E-AUTH-001")] });
check("the session ends after it left", ended.kind === "thrown" && left());

// Receipts.
const refusal = await sent({ code: "E-SECRET-032", states: [state("refused", { code: "E-SECRET-032" })] });
check("a refusal", refusal.kind === "refused" && refusal.code === "E-SECRET-032");
const seen = await sent({ code: "E-SECRET-030", states: [state("refused", { code: "E-SECRET-030" })] });
check("decided before is no refusal", seen.kind === "seen");
check("no receipt", (await sent({ receipt: [problem(404, "E-OPS-004")] })).kind === "unproven" && told.includes("-receipt.signature"));
const invented = { v: 1, request: golden.request, request_sha256: toHex(sha256(utf8("other"))), decision: "refused", code: "E-SECRET-036", at: "2026-11-22T09:00:00.000Z", journal };
const foreign = await receiptOf(TYPE, invented);
check("a receipt about other bytes", (await sent({ receipt: [octets(foreign)] })).kind === "unproven");
return { held, failed };

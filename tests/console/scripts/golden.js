// Holds the modules against the golden vectors: arguments[0] is where they are, arguments[1] the vectors of the formats,
// arguments[2] those of RFC 9180, arguments[3] those of secrets.
const [base, formats, rfc, secrets] = arguments;
const load = (name) => import(base + name);
const { concat, fromBase64, fromHex, same, toBase64, toHex, utf8 } = await load("bytes.js");
const { verifyAttested } = await load("attestation.js");
const { AnswerReader } = await load("answer.js");
const { Envelope, pae } = await load("dsse.js");
const { Opener } = await load("hpke.js");
const { ed25519Key, p256Key } = await load("keys.js");
const { Frontier, leafHash, whyNotIncluded } = await load("merkle.js");
const { openReceipt, openSecretReceipt } = await load("receipt.js");
const { PendingRequest, REQUEST_TYPE } = await load("request.js");
const { Draft, SECRET_TYPE, toSign } = await load("secret.js");
const { Sha256, sha256 } = await load("sha256.js");

let held = 0;
const failed = [];
const check = (what, holds) => (holds ? (held += 1) : failed.push(what));
const refused = async (what, act) => {
  try {
    await act();
    failed.push(`${what} was not refused`);
  } catch {
    held += 1;
  }
};
const privateKey = (hex) =>
  crypto.subtle.importKey("pkcs8", concat(fromHex("302e020100300506032b656e04220420"), fromHex(hex)), { name: "X25519" }, false, ["deriveBits"]);
const json = (value) => utf8(JSON.stringify(value));

// SHA-256 against the browser's own, in pieces of every length.
for (let length = 0; length < 200; length += 1) {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  const expected = toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
  const cut = Math.floor(Math.random() * (length + 1));
  const pieces = new Sha256().update(bytes.subarray(0, cut)).update(bytes.subarray(cut)).digest();
  check(`sha-256 of ${length} bytes`, toHex(sha256(bytes)) === expected && toHex(pieces) === expected);
}

// Base64 and hex have one spelling.
for (const bad of ["YQ", "YQ=", "YR==", "YWI", "YWJ=", "Y Q==", "YQ==\n", "_-8=", "YQ==YQ==", "====", "="]) {
  check(`base64 ${JSON.stringify(bad)}`, fromBase64(bad) === null);
}
for (const good of ["", "YQ==", "YWI=", "YWJj", "+/8="]) {
  check(`base64 ${good}`, toBase64(fromBase64(good)) === good);
}
check("hex", fromHex("0G") === null && fromHex("AB") === null && fromHex("abc") === null && toHex(fromHex("00ff")) === "00ff");

// Commitments.
for (const vector of formats.commitments) {
  const blob = Uint8Array.from({ length: 150000 }, (_, at) => at % 251);
  const rows = vector.rows?.map(fromHex) ?? [blob.subarray(0, 65536), blob.subarray(65536, 131072), blob.subarray(131072)];
  const hmac = await crypto.subtle.importKey("raw", fromHex(vector.secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const tree = new Frontier();
  const leaves = [];
  for (const [at, row] of rows.entries()) {
    const place = new Uint8Array(8);
    new DataView(place.buffer).setBigUint64(0, BigInt(at));
    const salt = new Uint8Array(await crypto.subtle.sign("HMAC", hmac, concat(utf8("proctor/v1/salt"), place)));
    leaves.push(leafHash(salt, row));
    tree.push(leaves[at]);
    check(`leaf ${at} of ${vector.name}`, vector.leaves === undefined || toHex(leaves[at]) === vector.leaves[at]);
  }
  const root = fromHex(vector.root);
  check(`root of ${vector.name}`, same(tree.root(), root));
  for (const [at, hashes] of (vector.paths ?? []).entries()) {
    const path = hashes.map(fromHex);
    const why = (leaf, index, size, path_) => whyNotIncluded(leaf, index, size, path_, root);
    check(`path ${at} of ${vector.name}`, why(leaves[at], at, rows.length, path) === null);
    check(`other place ${at} of ${vector.name}`, why(leaves[at], at + 1, rows.length, path) !== null);
    check(`longer path ${at} of ${vector.name}`, why(leaves[at], at, rows.length, [...path, root]) !== null);
    check(`shorter path ${at} of ${vector.name}`, path.length === 0 || why(leaves[at], at, rows.length, path.slice(1)) !== null);
    check(`other leaf ${at} of ${vector.name}`, why(root, at, rows.length, path) !== null || rows.length === 1);
    check(`beyond ${vector.name}`, why(leaves[at], rows.length, rows.length, path) !== null);
  }
}

// Keys and envelopes.
const key = (name) => fromBase64(formats.keys[name].spki_der);
const [runner, controlPlane, device] = [await p256Key(key("runner")), await p256Key(key("control-plane")), await ed25519Key(key("device"))];
check("key ids", runner.id === formats.keys.runner.keyid && device.id === formats.keys.device.keyid);
check("kinds of keys", (await p256Key(key("device"))) === null && (await ed25519Key(key("runner"))) === null);
check("pae", toHex(pae(formats.dsse_pae.type, utf8(formats.dsse_pae.payload))) === formats.dsse_pae.pae);
const run = JSON.parse(formats.manifest.split("\n")[0]).run;
const manifestBytes = utf8(formats.manifest);
const manifest = await verifyAttested(manifestBytes, json(formats.attestation), [controlPlane, runner], run);
await refused("an attestation by another key", () => verifyAttested(manifestBytes, json(formats.attestation), [controlPlane], run));
await refused("an attestation of another run", () => verifyAttested(manifestBytes, json(formats.attestation), [runner], run.replace("3", "4")));
const changed = utf8(formats.manifest.replace('"attempts":1', '"attempts":2'));
check("a changed manifest is one", !same(changed, manifestBytes));
await refused("a changed manifest", () => verifyAttested(changed, json(formats.attestation), [runner], run));

// A drill-down.
const golden = formats.drilldown;
const envelope = Envelope.parse(json(golden.request_envelope), 8192);
const roles = [{ name: "device", keys: [device] }, { name: "control plane", keys: [controlPlane] }];
const { payload } = await envelope.verify(REQUEST_TYPE, roles);
await refused("an envelope of one role", () => envelope.verify(REQUEST_TYPE, roles.slice(0, 1)));
await refused("an envelope of another type", () => envelope.verify("text/plain", roles));
const pending = new PendingRequest(payload);
check("request digest", toHex(pending.sha256) === golden.request_pae_sha256);
const spelled = new TextDecoder().decode(payload);
const [purpose_, reason_] = [/"purpose":"[a-z]+"/, /"reason":"[^"]+"/].map((part) => part.exec(spelled)[0]);
await refused("a request in another order", () => new PendingRequest(utf8(spelled.replace(`${purpose_},${reason_}`, `${reason_},${purpose_}`))));
await refused("a request with a space", () => new PendingRequest(utf8(spelled.replace('{"v":1', '{ "v":1'))));
await refused("a request with an escape", () => new PendingRequest(utf8(spelled.replace('"purpose"', '"\\u0070urpose"'))));
const recipient = { privateKey: await privateKey(golden.recipient_private), publicBytes: pending.says.recipient };
const commitments = pending.says.items.map(({ item }) => {
  const { rows, root } = manifest.items.find((line) => line.item === item);
  return { rows, root: fromHex(root) };
});
const frames = golden.frames.map(fromBase64);
const opener = await Opener.begin(recipient.privateKey, recipient.publicBytes, fromBase64(golden.enc), pending.info());
const plain = [];
for (const [at, frame] of frames.entries()) {
  const last = at + 1 === frames.length ? 1 : 0;
  await refused("a frame that is said to be the last one, or not", () => opener.open(Uint8Array.of(1 - last), frame));
  plain.push(await opener.open(Uint8Array.of(last), frame));
}
check("plaintext", toBase64(concat(...plain)) === golden.plaintext);
const reader = await AnswerReader.begin(pending, recipient, fromBase64(golden.enc), commitments);
for (const [at, frame] of frames.entries()) {
  await reader.frame(frame, at + 1 === frames.length);
}
const summary = reader.finish();
const runnerReceipt = json(golden.receipt_envelope);
const about = { id: pending.says.request, sha256: pending.sha256 };
const receipt = await openReceipt(runnerReceipt, runner, about);
check("receipt", receipt.decision.kind === "answered" && receipt.decision.sealedSha256 === summary.sealedSha256);
await refused("a receipt by another key", () => openReceipt(runnerReceipt, controlPlane, about));
await refused("a receipt of another request", () => openReceipt(runnerReceipt, runner, { ...about, id: run }));
await refused("a receipt of other bytes", () => openReceipt(runnerReceipt, runner, { ...about, sha256: sha256() }));

// RFC 9180.
const [enc, recipientBytes] = [fromHex(rfc.enc), fromHex(rfc.pkRm)];
const theirs = await Opener.begin(await privateKey(rfc.skRm), recipientBytes, enc, fromHex(rfc.info));
for (const [at, ciphertext] of rfc.ct.entries()) {
  const opened = await theirs.open(utf8(`Count-${at}`), fromHex(ciphertext));
  check(`message ${at} of RFC 9180`, toHex(opened) === rfc.pt);
}
for (const small of ["00".repeat(32), `01${"00".repeat(31)}`, `ecff${"ff".repeat(29)}7f`]) {
  await refused(`the point ${small}`, async () => Opener.begin(await privateKey(rfc.skRm), recipientBytes, fromHex(small), fromHex(rfc.info)));
}
await refused("a short key", async () => Opener.begin(await privateKey(rfc.skRm), recipientBytes, enc.subarray(1), fromHex(rfc.info)));

// Secrets: the draft of the vectors, sealed here and opened again as the Runner does it.
const draft = new Draft(utf8(secrets.draft));
const issued = Date.parse(draft.says.issued);
const lifeMs = Date.parse(draft.says.expires) - issued;
const expected = {
  request: draft.says.request, tenant: draft.says.tenant, runner: draft.says.runner, runnerKey: runner.id,
  name: "orders-db", device: device.id, lifeMs,
};
draft.check(expected, issued);
check("when it was issued", draft.issued === issued);
check("digest of a secret's request", toHex(toSign(utf8(secrets.payload)).sha256) === secrets.request_pae_sha256);
check("type of secrets", SECRET_TYPE === secrets.request_envelope.payloadType);
for (const field of ["request", "tenant", "runner", "runnerKey", "name", "device"]) {
  await refused(`terms with another ${field}`, () => draft.check({ ...expected, [field]: "other" }, issued));
}
await refused("terms that hold for longer than was asked for", () => draft.check({ ...expected, lifeMs: lifeMs - 1 }, issued));
for (const [off, holds] of [[60_000, true], [-60_000, true], [60_001, false], [-60_001, false]]) {
  const taken = (() => { try { draft.check(expected, issued + off); return true; } catch { return false; } })();
  check(`terms that are ${off} ms off`, taken === holds);
}
for (const bad of ['"v":2,"v":2', '"v":1', '"v":2,"more":0', '"v":2.0', '"v": 2']) {
  await refused(`terms with ${bad}`, () => new Draft(utf8(secrets.draft.replace('"v":2', bad))));
}
// One spelling: no space, every field at its place.
const [id_, epoch_] = [`"request":"${draft.says.request}"`, `"epoch":"${draft.says.epoch}"`];
check("the draft names the Runner's session", secrets.draft.includes(`${id_},${epoch_}`));
await refused("terms in another order", () => new Draft(utf8(secrets.draft.replace(`${id_},${epoch_}`, `${epoch_},${id_}`))));
await refused("terms of no session", () => new Draft(utf8(secrets.draft.replace(draft.says.epoch, "AAAA"))));
await refused("terms with a line break", () => new Draft(utf8(`${secrets.draft}\n`)));
await refused("terms that are sealed", () => new Draft(utf8(secrets.payload)));
for (const [length, size] of [[1, 256], [252, 256], [253, 2048], [2044, 2048], [2045, 16384], [16380, 16384]]) {
  const pair = await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
  const sealingKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const value = crypto.getRandomValues(new Uint8Array(length));
  const { sealed, payload: named } = await draft.seal(value, sealingKey);
  const ids = [expected.tenant, expected.runner, expected.request].map((id) => fromHex(id.replaceAll("-", "")));
  const info = concat(utf8("proctor/v2/secret\0"), ...ids, fromHex(device.id), utf8("orders-db"));
  const opener_ = await Opener.begin(pair.privateKey, sealingKey, sealed.subarray(0, 32), info);
  const plain_ = await opener_.open(Uint8Array.of(0, 0, size >> 8, size & 255), sealed.subarray(32));
  check(`a secret of ${length} bytes`, plain_.length === size && same(plain_.subarray(4, 4 + length), value));
  const says = JSON.parse(new TextDecoder().decode(named));
  check(`what names it`, says.sealed.class === size && says.sealed.sha256 === toHex(sha256(sealed)) && says.sealed.key === toHex(sha256(sealingKey)));
  const ours = JSON.stringify({ ...says, sealed: null });
  check("the payload is the draft with what is sealed", ours === secrets.draft);
}
const sealedBytes = fromBase64(secrets.sealed);
const golden_ = await Opener.begin(
  await privateKey(secrets.sealing_private), fromHex(secrets.sealing_public), sealedBytes.subarray(0, 32), fromHex(secrets.info),
);
check("the golden secret", toHex(await golden_.open(fromHex(secrets.aad), sealedBytes.subarray(32))) === secrets.plaintext);
const ofSecret = { id: draft.says.request, sha256: toSign(utf8(secrets.payload)).sha256 };
const said = await openSecretReceipt(json(secrets.receipt_envelope), runner, ofSecret);
check("the golden receipt of a secret", said.code === null);
await refused("a drill-down's receipt as a secret's", () => openSecretReceipt(runnerReceipt, runner, about));
await refused("a secret's receipt by another key", () => openSecretReceipt(json(secrets.receipt_envelope), controlPlane, ofSecret));
await refused("an empty secret", () => draft.seal(new Uint8Array(), recipientBytes));
await refused("a secret that is too long", () => draft.seal(new Uint8Array(16381), recipientBytes));
return { held, failed };

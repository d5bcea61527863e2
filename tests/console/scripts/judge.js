// What the modules say of documents: for each "" if they take it, else why not. arguments[1] is the kind, arguments[2] the
// documents in base64, arguments[3] the Runner's key, arguments[4] what else is known.
const [base, kind, documents, spki, more] = arguments;
const load = (name) => import(base + name);
const { fromBase64, fromHex } = await load("bytes.js");
const { p256Key } = await load("keys.js");
const runner = await p256Key(fromBase64(spki));
const readers = {
  manifest: async () => {
    const { parseManifest } = await load("manifest.js");
    return parseManifest;
  },
  request: async () => {
    const { PendingRequest } = await load("request.js");
    return (bytes) => new PendingRequest(bytes);
  },
  receipt: async () => {
    const { openReceipt } = await load("receipt.js");
    return (bytes) => openReceipt(bytes, runner, { id: more.id, sha256: fromHex(more.sha256) });
  },
  attestation: async () => {
    const { verifyAttested } = await load("attestation.js");
    return (bytes) => verifyAttested(fromBase64(more.manifest), bytes, [runner], more.run);
  },
  statement: async () => {
    const { openStatement } = await load("statement.js");
    return (bytes) => openStatement(bytes, more.tenant, more.runner);
  },
};
const read = await readers[kind]();
const said = [];
for (const document_ of documents) {
  try {
    await read(fromBase64(document_));
    said.push("");
  } catch (error) {
    // A fault of the script itself is no refusal.
    if (error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError) {
      throw error;
    }
    said.push(String(error.message || "refused"));
  }
}
return said;

// @ts-check
/** The attestation: an in-toto statement about a manifest, signed by the Runner that made it. */

import { toHex } from "./bytes.js";
import { Envelope } from "./dsse.js";
import { Fields } from "./json.js";
import { parseManifest } from "./manifest.js";
import { sha256 } from "./sha256.js";

/** Bytes of an attestation. */
export const MAX_ATTESTATION = 64 * 1024;

const PAYLOAD_TYPE = "application/vnd.in-toto+json";
const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
const PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1";
const SUBJECT = "manifest.jsonl";
const MAX_STATEMENT = 512 * 1024;
const MAX_DEPTH = 6;

/** Why an attestation does not hold for a manifest. */
export class AttestationError extends Error {}

/** @typedef {import("./keys.js").PublicKey} PublicKey */
/** @typedef {import("./manifest.js").Manifest} Manifest */
/**
 * @typedef {{ manifest: string, procedure: string, procedureSha256: string, result: string, passed: string[],
 *   warned: string[], failed: string[] }} Statement
 */

/**
 * Verifies that one of these keys, and nobody else, attested these bytes as the manifest of this run, and reads it.
 * @param {Uint8Array} bytes of the manifest
 * @param {Uint8Array} envelope
 * @param {PublicKey[]} keys
 * @param {string} run
 * @returns {Promise<Manifest>}
 */
export async function verifyAttested(bytes, envelope, keys, run) {
  const parsed = Envelope.parse(envelope, MAX_ATTESTATION);
  const { payload } = await parsed.verify(PAYLOAD_TYPE, [{ name: "Runner", keys }]);
  const statement = readStatement(payload);
  const manifest = parseManifest(bytes);
  const implied = implications(manifest, bytes);
  for (const field of /** @type {(keyof Statement)[]} */ (Object.keys(implied))) {
    if (JSON.stringify(statement[field]) !== JSON.stringify(implied[field])) {
      throw new AttestationError(`the attestation's \`${field}\` is not what the manifest implies`);
    }
  }
  if (manifest.run.run !== run) {
    throw new AttestationError(`it is about run ${manifest.run.run}`);
  }
  return manifest;
}

/**
 * @param {Uint8Array} payload
 * @returns {Statement}
 */
export function readStatement(payload) {
  const statement = Fields.parse(payload, MAX_STATEMENT, MAX_DEPTH);
  fixed(statement, "_type", STATEMENT_TYPE);
  const subject = descriptor(statement, "subject");
  if (subject.name !== SUBJECT) {
    throw statement.wrong("subject", "that of a test result about a manifest");
  }
  fixed(statement, "predicateType", PREDICATE_TYPE);
  const predicate = statement.object("predicate");
  statement.finish();
  const result = predicate.text("result");
  const procedure = descriptor(predicate, "configuration");
  const passed = predicate.texts("passedTests");
  const warned = predicate.texts("warnedTests");
  const failed = predicate.texts("failedTests");
  predicate.finish();
  return {
    manifest: subject.sha256,
    procedure: procedure.name,
    procedureSha256: procedure.sha256,
    result,
    passed,
    warned,
    failed,
  };
}

/**
 * The statement that a manifest with these bytes implies.
 * @param {Manifest} manifest
 * @param {Uint8Array} bytes
 * @returns {Statement}
 */
function implications({ run, checks }, bytes) {
  /** @param {...string} statuses */
  const ids = (...statuses) => checks.filter((line) => statuses.includes(line.status)).map((line) => line.check);
  const results = new Map([["pass", "PASSED"], ["excepted", "WARNED"]]);
  return {
    manifest: toHex(sha256(bytes)),
    procedure: run.procedure.id,
    procedureSha256: run.procedure.sha256,
    result: results.get(run.verdict) ?? "FAILED",
    passed: ids("pass"),
    warned: ids("excepted"),
    failed: ids("fail", "error", "pending"),
  };
}

/**
 * @param {Fields} fields
 * @param {string} name
 * @param {string} value
 */
function fixed(fields, name, value) {
  fields.checked(name, (text) => text === value, "that of a test result about a manifest");
}

/**
 * The one resource descriptor of a list.
 * @param {Fields} fields
 * @param {string} name
 */
function descriptor(fields, name) {
  const [found, ...others] = fields.objects(name);
  if (found === undefined || others.length > 0) {
    throw fields.wrong(name, "a list of one resource");
  }
  const text = found.text("name");
  const digest = found.object("digest");
  const sha256Hex = digest.digest("sha256");
  digest.finish();
  found.finish();
  return { name: text, sha256: sha256Hex };
}

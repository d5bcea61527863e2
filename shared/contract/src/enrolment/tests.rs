use super::*;
use crypto::SystemEntropy;
use crypto::ed25519;

struct Runner {
    attestation: p256::SigningKey,
    statement: KeyStatement,
}

fn runner() -> Runner {
    let attestation = p256::SigningKey::generate(&SystemEntropy::new());
    let tenant: TenantId = "019aa7f0-0000-7000-8000-000000000001".parse().unwrap();
    let runner: RunnerId = "019aa7f0-0000-7000-8000-000000000002".parse().unwrap();
    let key = |seed| ed25519::SigningKey::from_seed([seed; 32]).verifying_key();
    let statement = KeyStatement {
        tenant,
        runner,
        label: "Rechenzentrum \"Süd\"".parse().unwrap(),
        software: "proctor-runner 0.1.0".parse().unwrap(),
        tls_key: Digest::from_bytes([7; 32]),
        attestation_key: attestation.verifying_key(),
        journal_key: VerifierKey::new(journal_origin(tenant, runner), Algorithm::Ed25519, key(1)),
        witness_key: VerifierKey::new(runner_witness(tenant, runner), Algorithm::Cosignature, key(2)),
        sealing_key: [9; 32],
    };
    Runner { attestation, statement }
}

fn envelope_of(payload: &[u8], key: &p256::SigningKey) -> dsse::Envelope {
    dsse::Envelope::sign(KEYS_TYPE, payload, &[Signer::P256(key)])
}

#[test]
fn a_statement_round_trips() {
    let Runner { attestation, statement } = runner();
    let envelope = statement.sign(&attestation).unwrap();
    let (read, fingerprint) = KeyStatement::open(envelope.envelope()).unwrap();
    assert_eq!(read, statement);
    assert_eq!(fingerprint, statement.fingerprint());
    assert_eq!(fingerprint.digest(), sha256(&statement.to_bytes()));
    let text = String::from_utf8(statement.to_bytes()).unwrap();
    assert!(text.starts_with(
        r#"{"v":1,"tenant":"019aa7f0-0000-7000-8000-000000000001","runner":"019aa7f0-0000-7000-8000-000000000002","label":"Rechenzentrum \"Süd\"","software":"proctor-runner 0.1.0","tls_key":"0707"#
    ));
}

#[test]
fn another_key_type_or_spelling_is_refused() {
    let Runner { attestation, statement } = runner();
    let other = p256::SigningKey::generate(&SystemEntropy::new());
    assert!(statement.sign(&other).is_err());
    let payload = statement.to_bytes();
    assert!(matches!(
        KeyStatement::open(&envelope_of(&payload, &other)),
        Err(StatementError::Signature(DsseError::Unsigned(_)))
    ));
    let foreign = dsse::Envelope::sign(RECOVERY_TYPE, &payload, &[Signer::P256(&attestation)]);
    assert!(matches!(KeyStatement::open(&foreign), Err(StatementError::Signature(DsseError::Type(_)))));
    let text = String::from_utf8(payload).unwrap();
    for changed in [
        text.replace("{\"v\":1,", "{\"v\":2,"),
        text.replace("{\"v\":1,", "{ \"v\":1,"),
        text.replace("{\"v\":1,", "{\"v\":1,\"v\":1,"),
        text.replace("{\"v\":1,", "{\"v\":1,\"admin\":true,"),
        text.replace("\"v\":1,", ""),
        text.replace("Süd", "S\\u00fcd"),
        text.replace("Süd", "S\\u001b[31m"),
        format!("{text} "),
        format!("{text}{text}"),
        String::new(),
        "[".repeat(4_000),
    ] {
        let opened = KeyStatement::open(&envelope_of(changed.as_bytes(), &attestation));
        assert!(matches!(opened, Err(StatementError::Payload(_))), "{changed}: {opened:?}");
    }
}

#[test]
fn every_key_has_its_own_job_and_this_runners_name() {
    let Runner { attestation, statement } = runner();
    let other: RunnerId = "019aa7f0-0000-7000-8000-00000000000b".parse().unwrap();
    let (tenant, runner) = (statement.tenant, statement.runner);
    let vkey = |name, algorithm, seed| {
        VerifierKey::new(name, algorithm, ed25519::SigningKey::from_seed([seed; 32]).verifying_key())
    };
    let refused = |field, change: &dyn Fn(&mut KeyStatement)| {
        let mut changed = statement.clone();
        change(&mut changed);
        let faults = [
            changed.sign(&attestation).err(),
            KeyStatement::open(&envelope_of(&changed.to_bytes(), &attestation)).err(),
        ];
        for fault in faults {
            assert!(
                matches!(&fault, Some(StatementError::Key { field: named, .. }) if *named == field),
                "{field}: {fault:?}"
            );
        }
    };
    refused("tls_key", &|s| s.tls_key = s.attestation_key.key_id());
    refused("journal_key", &|s| s.journal_key = vkey(journal_origin(tenant, other), Algorithm::Ed25519, 1));
    refused("journal_key", &|s| s.journal_key = vkey(journal_origin(tenant, runner), Algorithm::Cosignature, 1));
    refused("witness_key", &|s| s.witness_key = vkey(runner_witness(tenant, other), Algorithm::Cosignature, 2));
    refused("witness_key", &|s| s.witness_key = vkey(runner_witness(tenant, runner), Algorithm::Ed25519, 2));
    refused("witness_key", &|s| s.witness_key = vkey(runner_witness(tenant, runner), Algorithm::Cosignature, 1));
    refused("sealing_key", &|s| s.sealing_key = [0; 32]);
    refused("tenant", &|s| s.tenant = TenantId::NIL);
}

#[test]
fn a_recovery_statement_round_trips_and_is_bound_to_its_key() {
    let Runner { attestation, statement } = runner();
    let at = "2026-11-21T20:11:36.097Z".parse().unwrap();
    let request = Digest::from_bytes([3; 32]);
    let recovery = RecoveryStatement::new(statement.tenant, statement.runner, request, 4, at);
    let envelope = recovery.sign(&attestation).unwrap();
    let key = attestation.verifying_key();
    assert_eq!(RecoveryStatement::open(envelope.envelope(), &key).unwrap(), recovery);
    assert_eq!(
        String::from_utf8(recovery.to_bytes()).unwrap(),
        format!(
            "{{\"v\":1,\"tenant\":\"{}\",\"runner\":\"{}\",\"request_sha256\":\"{request}\",\"generation\":4,\"at\":\"{at}\"}}",
            statement.tenant, statement.runner
        )
    );
    let other = p256::SigningKey::generate(&SystemEntropy::new()).verifying_key();
    assert!(RecoveryStatement::open(envelope.envelope(), &other).is_err());
    assert!(KeyStatement::open(envelope.envelope()).is_err());
    let spaced = String::from_utf8(recovery.to_bytes()).unwrap().replace(",\"at\"", ", \"at\"");
    let spaced = dsse::Envelope::sign(RECOVERY_TYPE, spaced.as_bytes(), &[Signer::P256(&attestation)]);
    assert!(matches!(RecoveryStatement::open(&spaced, &key), Err(StatementError::Payload(_))));
}

#[test]
fn a_fingerprint_can_be_read_back_as_people_type_it() {
    let fingerprint = runner().statement.fingerprint();
    let shown = fingerprint.to_string();
    assert_eq!(shown.split('-').count(), 16);
    assert!(shown.split('-').all(|group| group.len() == 4));
    for typed in [
        shown.clone(),
        shown.replace('-', " "),
        shown.replace('-', ""),
        shown.replace('-', ":"),
        shown.to_uppercase(),
        format!(" {shown} "),
    ] {
        assert_eq!(typed.parse(), Ok(fingerprint), "{typed}");
    }
    let wrong = [String::new(), shown[..70].to_owned(), format!("{shown}0"), shown.replace('-', "_"), "g".repeat(64)];
    for typed in wrong {
        assert_eq!(typed.parse::<Fingerprint>(), Err(FingerprintError), "{typed}");
    }
}

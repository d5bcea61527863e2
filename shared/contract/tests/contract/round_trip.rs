//! Whatever can be said comes back as it was said, and no bytes make a reader panic.

use contract::token::JoinToken;
use contract::version::{CURRENT, Version};
use contract::{
    Accepted, Alive, Attested, AuditCheckpoint, AuditCosignature, AuditForkSeen, AwaitingApproval, Catalogue, Code,
    Condition, ConnectorSecret, Digest, DrillDown, DrillDownBytes, DrillDownCancel, DrillDownCredit, Due, EnrolRequest,
    EnrolResponse, Enrolled, Epoch, FromControlPlane, FromRunner, Goodbye, Hello, InstalledProcedure,
    JournalCheckpoint, JournalCosignature, Label, ManifestBytes, Mark, Name, Notation, ProcedureSource, Receipt,
    ReceiptAccepted, RecoverRequest, Refused, Renew, Renewed, Report, ReportRefused, RunProgress, RunRequest, RunStage,
    RunUnderWay, Schedule, Sealed, SealedFrame, SealedSecret, SealedStart, SecretBytes, Stop, StopReason, Timestamp,
    Title, UnderWay, Welcome,
};
use crypto::{SystemEntropy, p256};
use ids::{RequestId, RunId, TenantId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use prost::Message;

use crate::samples::{certificate, device_key, envelope, line, note, request_der, vkey};

fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

fn count() -> impl Strategy<Value = u64> {
    0..=contract::limits::MAX_COUNT
}

fn time() -> impl Strategy<Value = Timestamp> {
    (-62_167_219_200_000_i64..=253_402_300_799_999)
        .prop_filter("zero is no time", |millis| *millis != 0)
        .prop_map(Timestamp::from_millis)
}

fn name() -> impl Strategy<Value = Name> {
    "[A-Za-z0-9_.-]{1,64}".prop_map(|text| text.parse().unwrap())
}

fn request() -> impl Strategy<Value = RequestId> {
    any::<[u8; 16]>().prop_map(RequestId::from_bytes)
}

fn epoch() -> impl Strategy<Value = Epoch> {
    any::<[u8; 16]>().prop_map(Epoch::from_bytes)
}

fn version() -> impl Strategy<Value = Version> {
    (CURRENT.minor - 1..=CURRENT.minor + 1).prop_map(|minor| Version { major: CURRENT.major, minor })
}

fn code() -> impl Strategy<Value = Code> {
    prop_oneof![
        "[A-Z]{1,12}(-[A-Z]{1,12}){0,2}-[0-9]{3}".prop_map(|text| text.parse().unwrap()),
        select(verdict::Code::ALL).prop_map(Code::from),
    ]
}

fn chain() -> impl Strategy<Value = Vec<contract::DerCertificate>> {
    vec((0_u8..=127).prop_map(certificate), 1..=4)
}

fn procedure() -> impl Strategy<Value = InstalledProcedure> {
    let words = (name(), count(), digest(), ".{0,400}".prop_map(|text| Title::shown(&text)));
    let optional = (
        prop::option::of("\\PC{1,300}".prop_map(|text| ProcedureSource::new(text.into_bytes()).unwrap())),
        prop::option::of("[ -!#-\\[\\]-~]{1,100}".prop_map(|text| text.parse().unwrap())),
        prop::option::of("[A-Za-z]{1,20}/[A-Za-z_]{1,20}".prop_map(|text| text.parse().unwrap())),
    );
    (words, select(vec![Notation::Yaml, Notation::Markdown]), time(), optional).prop_map(
        |((id, version, digest, title), notation, approved, (source, schedule, time_zone))| InstalledProcedure {
            id,
            version,
            digest,
            title,
            notation,
            source,
            approved,
            schedule,
            time_zone,
        },
    )
}

fn report() -> impl Strategy<Value = Report> {
    (count(), any::<bool>(), "[a-z{}:\" ]{0,200}").prop_map(|(seq, attested, text)| {
        let attested = attested.then(|| Attested {
            manifest: ManifestBytes::new(format!("{{{text}}}\n").into_bytes()).unwrap(),
            attestation: envelope(text.as_bytes()),
        });
        Report { seq, line: line(seq, if attested.is_some() { "run.attested" } else { "run.begun" }), attested }
    })
}

fn hello() -> impl Strategy<Value = Hello> {
    let counts = (count(), count(), count());
    let mark = any::<[u8; 16]>().prop_map(Mark::from_bytes);
    let marks = (prop::option::of(mark.clone()), vec(mark, 0..=8));
    let state = (select(Condition::ALL), name());
    (version(), "[ !#-\\[\\]-~]{1,64}", epoch(), counts, digest(), digest(), state, marks).prop_map(
        |(version, software, epoch, (generation, journal_size, audit_size), head, root, state, marks)| Hello {
            version,
            software: software.parse().unwrap(),
            epoch,
            generation,
            journal_size,
            journal_head: head,
            audit_size,
            audit_root: root,
            condition: state.0,
            seal_level: state.1,
            mark: marks.0,
            marks_before: marks.1,
        },
    )
}

fn progress() -> impl Strategy<Value = RunProgress> {
    (prop::option::of(request()), any::<[u8; 16]>(), select(RunStage::ALL), code()).prop_map(
        |(request, run, stage, code)| RunProgress {
            request,
            run: Some(RunId::from_bytes(run)),
            stage,
            code: (stage != RunStage::Begun).then_some(code),
        },
    )
}

fn run_under_way() -> impl Strategy<Value = RunUnderWay> {
    let named = (any::<[u8; 16]>(), name(), digest(), time());
    (named, prop::option::of(name()), 0_u32..=36, 1_u32..=64).prop_map(
        |((run, procedure, digest, began), step, done, open)| {
            let run = RunId::from_bytes(run);
            RunUnderWay { run, procedure, digest, began, step, done, steps: done + open }
        },
    )
}

fn from_runner() -> impl Strategy<Value = FromRunner> {
    let due = (name(), time()).prop_map(|(procedure, next_due)| Due { procedure, next_due });
    prop_oneof![
        hello().prop_map(FromRunner::from),
        report().prop_map(FromRunner::from),
        count().prop_map(|size| JournalCheckpoint { note: note(size) }.into()),
        count().prop_map(|size| AuditCosignature { note: note(size) }.into()),
        (count(), digest(), count()).prop_map(|(kept_size, kept_root, size)| AuditForkSeen {
            kept_size,
            kept_root,
            shown: note(size)
        }
        .into()),
        vec(procedure(), 0..4).prop_map(|procedures| Catalogue { procedures }.into()),
        vec(due, 0..5).prop_map(|due| Schedule { due }.into()),
        progress().prop_map(FromRunner::from),
        vec(run_under_way(), 0..4).prop_map(|runs| UnderWay { runs }.into()),
        (0_u8..=127, count()).prop_map(|(length, generation)| Renew {
            certificate_request: request_der(length),
            generation
        }
        .into()),
        (request(), any::<[u8; 32]>()).prop_map(|(request, enc)| SealedStart { request, enc }.into()),
        (request(), count(), vec(any::<u8>(), 16..500), any::<bool>()).prop_map(|(request, index, bytes, last)| {
            SealedFrame { request, index, ciphertext: Sealed::new(bytes).unwrap(), last }.into()
        }),
        (request(), ".{0,50}")
            .prop_map(|(request, text)| Receipt { request, envelope: envelope(text.as_bytes()) }.into()),
        (time(), select(Condition::ALL), count())
            .prop_map(|(at, condition, waiting)| Alive { at, condition, waiting }.into()),
        Just(Goodbye {}.into()),
    ]
}

fn run_request() -> impl Strategy<Value = RunRequest> {
    (request(), digest(), epoch(), time(), count(), digest()).prop_map(
        |(request, procedure, epoch, expires, audit_seq, audit_hash)| RunRequest {
            request,
            procedure,
            epoch,
            expires,
            audit_seq,
            audit_hash,
        },
    )
}

fn from_control_plane() -> impl Strategy<Value = FromControlPlane> {
    prop_oneof![
        (version(), count(), digest(), 1_u32..=4_096, 1_u32..=3_600, time()).prop_map(
            |(version, accepted, accepted_head, window, alive_seconds, now)| {
                Welcome { version, accepted, accepted_head, window, alive_seconds, now }.into()
            }
        ),
        count().prop_map(|accepted| Accepted { accepted }.into()),
        (count(), code()).prop_map(|(seq, code)| ReportRefused { seq, code }.into()),
        run_request().prop_map(FromControlPlane::from),
        (vec(any::<u8>(), 1..300), prop::option::of(any::<u8>())).prop_map(|(bytes, seed)| {
            DrillDown { envelope: DrillDownBytes::new(bytes).unwrap(), device_key: seed.map(device_key) }.into()
        }),
        (request(), 1_u32..=1_024).prop_map(|(request, frames)| DrillDownCredit { request, frames }.into()),
        request().prop_map(|request| DrillDownCancel { request }.into()),
        (request(), digest()).prop_map(|(request, receipt_sha256)| ReceiptAccepted { request, receipt_sha256 }.into()),
        (vec(any::<u8>(), 1..300), prop::option::of(any::<u8>()), vec(any::<u8>(), 1..300)).prop_map(
            |(bytes, seed, sealed)| {
                let (envelope, sealed) = (SecretBytes::new(bytes).unwrap(), SealedSecret::new(sealed).unwrap());
                ConnectorSecret { envelope, device_key: seed.map(device_key), sealed }.into()
            }
        ),
        count().prop_map(|size| JournalCosignature { note: note(size) }.into()),
        (count(), count(), vec(digest(), 0..=64)).prop_map(|(size, from_size, proof)| AuditCheckpoint {
            note: note(size),
            from_size,
            proof
        }
        .into()),
        (chain(), count()).prop_map(|(chain, generation)| Renewed { chain, generation }.into()),
        code().prop_map(|code| Refused { code }.into()),
        (select(StopReason::ALL), 0_u32..=86_400).prop_map(|(reason, retry_after_seconds)| Stop {
            reason,
            retry_after_seconds
        }
        .into()),
    ]
}

fn enrol_response() -> impl Strategy<Value = EnrolResponse> {
    let enrolled =
        (chain(), count(), "[a-z]{1,20}(\\.[a-z]{1,20}){0,3}", 1_u16..).prop_map(|(chain, generation, host, port)| {
            Enrolled {
                chain,
                generation,
                line_address: format!("{host}:{port}").parse().unwrap(),
                drilldown_key: p256::SigningKey::generate(&SystemEntropy::new()).verifying_key(),
                audit_key: vkey(&format!("{host}/audit"), 1),
                witness_key: vkey(&format!("{host}/witness"), 2),
            }
        });
    prop_oneof![
        (0_u32..=86_400).prop_map(|retry_after_seconds| AwaitingApproval { retry_after_seconds }.into()),
        enrolled.prop_map(EnrolResponse::from),
        code().prop_map(|code| Refused { code }.into()),
    ]
}

/// Encodes, decodes and reads again.
macro_rules! assert_round_trip {
    ($message:expr, $type:ident) => {{
        let message = $message;
        let bytes = proto::$type::from(message.clone()).encode_to_vec();
        let wire = proto::$type::decode(bytes.as_slice()).expect("what was encoded can be decoded");
        prop_assert_eq!(contract::$type::try_from(wire).expect("what was written can be read"), message);
    }};
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn messages_of_a_runner(message in from_runner()) {
        assert_round_trip!(message, FromRunner);
    }

    #[test]
    fn messages_of_a_control_plane(message in from_control_plane()) {
        assert_round_trip!(message, FromControlPlane);
    }

    #[test]
    fn answers_of_enrolment(message in enrol_response()) {
        assert_round_trip!(message, EnrolResponse);
    }

    #[test]
    fn questions_of_enrolment(tenant in 1_u8.., version in version(), length in 0_u8..=127, text in ".{0,50}") {
        let token = JoinToken::generate(TenantId::from_bytes([tenant; 16]), &SystemEntropy::new());
        let certificate_request = request_der(length);
        let statement: contract::StatementEnvelope = envelope(text.as_bytes());
        let recover = RecoverRequest {
            version,
            certificate_request: certificate_request.clone(),
            certificate: certificate(length),
            statement: statement.clone(),
        };
        assert_round_trip!(EnrolRequest { version, token, certificate_request, statement }, EnrolRequest);
        assert_round_trip!(recover, RecoverRequest);
    }

    #[test]
    fn labels_are_read_back(text in "\\PC{1,64}") {
        if let Ok(label) = Label::new(text.as_str()) {
            prop_assert_eq!(label.as_str(), text);
        }
    }

    /// A message with some bytes changed is read as something or refused; whatever is read is written back and read alike.
    #[test]
    fn no_bytes_make_a_reader_panic(message in from_runner(), changes in vec((any::<usize>(), any::<u8>()), 1..8)) {
        let mut bytes = proto::FromRunner::from(message).encode_to_vec();
        for (at, value) in changes {
            let length = bytes.len();
            bytes[at % length] = value;
        }
        if let Ok(wire) = proto::FromRunner::decode(bytes.as_slice())
            && let Ok(read) = FromRunner::try_from(wire)
        {
            assert_round_trip!(read, FromRunner);
        }
    }
}

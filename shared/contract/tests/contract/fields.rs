//! `line.proto` field by field against the allow-list and the conversions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use contract::fields::{FIELDS, Field};
use contract::limits::MAX_COUNT;
use contract::version::CURRENT;
use contract::{Fault, FromControlPlane, FromRunner, Refusal};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use crate::{messages, samples};

/// Messages that hold one of several messages, and the one whose numbers are its whole content.
const WITHOUT_FIELDS: [&str; 4] = ["EnrolResponse", "FromRunner", "FromControlPlane", "Version"];

/// Fields that may be left out.
const OPTIONAL: [&str; 14] = [
    "Hello.mark",
    "Hello.marks_before",
    "ConnectorSecret.device_key",
    "DrillDown.device_key",
    "InstalledProcedure.source",
    "InstalledProcedure.schedule",
    "InstalledProcedure.time_zone",
    "RunProgress.request",
    "RunProgress.run",
    "RunProgress.code",
    "RunUnderWay.step",
    "Report.manifest",
    "Report.attestation",
    "AuditCheckpoint.proof",
];

/// Bytes that the gate judges under its own codes.
const UNREAD: [&str; 3] = ["DrillDown.envelope", "ConnectorSecret.envelope", "ConnectorSecret.sealed"];

/// Lists that may be empty.
const MAY_BE_EMPTY: [&str; 5] =
    ["Catalogue.procedures", "Schedule.due", "UnderWay.run", "AuditCheckpoint.proof", "Hello.marks_before"];

fn pool() -> DescriptorPool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let set = protox::compile([root.join("proctor/line/v1/line.proto")], [root]).expect("line.proto compiles");
    DescriptorPool::decode(set.encode_to_vec().as_slice()).expect("a descriptor set is read back")
}

fn rows() -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().copied().flatten()
}

fn described(message: &str) -> MessageDescriptor {
    pool().get_message_by_name(&format!("proctor.line.v1.{message}")).expect("the message is in line.proto")
}

fn sample(message: &str) -> DynamicMessage {
    let (_, bytes) = samples::all().into_iter().find(|(name, _)| *name == message).expect("every message has a sample");
    DynamicMessage::decode(described(message), bytes.as_slice()).expect("a sample is a message")
}

/// The refusal of the sample in which this field has another value.
fn refusal(message: &str, field: &str, value: Value) -> Option<Refusal> {
    let mut changed = sample(message);
    changed.set_field_by_name(field, value);
    messages::read(message, &changed.encode_to_vec()).err()
}

fn filled(field: &FieldDescriptor, bytes: usize) -> Value {
    let value = match field.kind() {
        Kind::String => Value::String("a".repeat(bytes)),
        Kind::Bytes => Value::Bytes(vec![b'a'; bytes].into()),
        kind => panic!("{kind:?} has no length"),
    };
    if field.is_list() { Value::List(vec![value]) } else { value }
}

#[test]
fn the_table_and_line_proto_have_the_same_fields() {
    let mut declared = BTreeMap::new();
    for row in rows() {
        assert!(declared.insert((row.message.to_owned(), row.field.to_owned()), row).is_none(), "{row:?} comes twice");
        assert!(row.purpose.len() > 3 && row.purpose.ends_with('.'), "{row:?} needs a purpose");
    }
    let pool = pool();
    let mut found = BTreeSet::new();
    for message in pool.all_messages().filter(|message| !WITHOUT_FIELDS.contains(&message.name())) {
        for field in message.fields() {
            let key = (message.name().to_owned(), field.name().to_owned());
            let row = declared.get(&key).unwrap_or_else(|| panic!("{key:?} is in line.proto and not in the table"));
            let is_open = matches!(field.kind(), Kind::String | Kind::Bytes);
            assert_eq!(row.max_bytes.is_some(), is_open, "{key:?} needs a maximum exactly if it is a text or bytes");
            assert_eq!(
                row.max_count.is_some(),
                field.is_list(),
                "{key:?} needs a maximum count exactly if it is a list"
            );
            assert!(!field.is_map(), "{key:?} is a map; the contract has none");
            found.insert(key);
        }
    }
    let stray: Vec<_> = declared.keys().filter(|key| !found.contains(*key)).collect();
    assert!(stray.is_empty(), "in the table and not in line.proto: {stray:?}");
    for message in WITHOUT_FIELDS {
        let open = described(message).fields().any(|field| matches!(field.kind(), Kind::String | Kind::Bytes));
        assert!(!open, "{message} has a text or bytes of its own");
    }
    assert_eq!(messages::NAMES.len() + WITHOUT_FIELDS.len(), pool.all_messages().count());
}

#[test]
fn one_byte_more_than_the_maximum_is_refused() {
    for row in rows() {
        let Some(max) = row.max_bytes else { continue };
        let field = described(row.message).get_field_by_name(row.field).expect("the table and line.proto agree");
        let place = if field.is_list() { format!("{}[0]", row.field) } else { row.field.to_owned() };
        let more = refusal(row.message, row.field, filled(&field, max + 1));
        assert_eq!(more, Some(Refusal { field: place.clone(), fault: Fault::TooLong { max } }), "{row:?}");
        let most = refusal(row.message, row.field, filled(&field, max));
        let is_length = matches!(&most, Some(Refusal { fault: Fault::TooLong { .. }, .. }));
        assert!(!is_length, "{row:?}: {most:?} at exactly the maximum");
    }
}

#[test]
fn one_entry_more_than_the_maximum_is_refused() {
    for row in rows() {
        let Some(max) = row.max_count else { continue };
        let entries = sample(row.message).get_field_by_name(row.field).expect("the field is there").into_owned();
        let one = entries.as_list().and_then(|list| list.first()).expect("a sample's list has an entry").clone();
        assert_eq!(refusal(row.message, row.field, Value::List(vec![one.clone(); max])), None, "{row:?}");
        let more = refusal(row.message, row.field, Value::List(vec![one; max + 1]));
        assert_eq!(more, Some(Refusal { field: row.field.into(), fault: Fault::TooMany { max } }), "{row:?}");
        let none = refusal(row.message, row.field, Value::List(Vec::new()));
        let may_be_empty = MAY_BE_EMPTY.contains(&format!("{}.{}", row.message, row.field).as_str());
        assert_eq!(none.is_none(), may_be_empty, "{row:?}: {none:?}");
    }
}

/// Values that no field of this kind takes.
fn wrong_values(field: &FieldDescriptor, path: &str) -> Vec<Value> {
    let mut wrong = match field.kind() {
        Kind::String => ["a\nb", "\u{1b}[31m", "a\u{202e}b"].map(|text| Value::String(text.into())).to_vec(),
        // A request that cannot be read is the business of the Runner's gate, which says so in a receipt.
        Kind::Bytes if UNREAD.contains(&path) => Vec::new(),
        Kind::Bytes => vec![Value::Bytes(vec![0xff].into())],
        Kind::Uint64 => vec![Value::U64(MAX_COUNT + 1), Value::U64(u64::MAX)],
        Kind::Int64 => vec![Value::I64(0), Value::I64(i64::MAX), Value::I64(i64::MIN)],
        Kind::Enum(_) => vec![Value::EnumNumber(0), Value::EnumNumber(99), Value::EnumNumber(-1)],
        Kind::Uint32 if field.name() == "retry_after_seconds" => vec![Value::U32(86_401), Value::U32(u32::MAX)],
        // A run that has just begun has no step behind it.
        Kind::Uint32 if field.name() == "done" => vec![Value::U32(u32::MAX)],
        Kind::Uint32 => vec![Value::U32(0), Value::U32(u32::MAX)],
        Kind::Bool => Vec::new(),
        // Entries of lists are messages themselves.
        Kind::Message(_) if field.is_list() => Vec::new(),
        Kind::Message(_) => Vec::new(),
        kind => panic!("{path}: {kind:?} is not used in line.proto"),
    };
    if matches!(field.kind(), Kind::String) && !OPTIONAL.contains(&path) {
        wrong.push(Value::String(String::new()));
    }
    if matches!(field.kind(), Kind::Bytes) && !OPTIONAL.contains(&path) {
        wrong.push(Value::Bytes(Vec::new().into()));
    }
    if field.is_list() { wrong.into_iter().map(|value| Value::List(vec![value])).collect() } else { wrong }
}

#[test]
fn every_wrong_value_is_refused_under_the_name_of_its_field() {
    let mut tried = 0;
    for message in messages::NAMES {
        for field in described(message).fields() {
            let path = format!("{message}.{}", field.name());
            for value in wrong_values(&field, &path) {
                let Some(refused) = refusal(message, field.name(), value.clone()) else {
                    panic!("{path} takes {value:?}");
                };
                assert!(refused.field.split('[').next() == Some(field.name()), "{path}: {refused}");
                assert!(!refused.to_string().contains(['\u{1b}', '\u{202e}']), "{path}: {refused:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 150, "only {tried} values were tried");
}

#[test]
fn a_version_that_cannot_be_spoken_is_refused_before_anything_else() {
    for message in ["EnrolRequest", "RecoverRequest", "Hello", "Welcome"] {
        let mut changed = sample(message);
        changed.clear_field_by_name("version");
        let missing = messages::read(message, &changed.encode_to_vec()).unwrap_err();
        assert_eq!((missing.field.as_str(), &missing.fault), ("version", &Fault::Missing));
        // Of another protocol nothing else can be expected to make sense.
        let mut version = DynamicMessage::new(described("Version"));
        version.set_field_by_name("major", Value::U32(CURRENT.major + 1));
        let mut foreign = DynamicMessage::new(described(message));
        foreign.set_field_by_name("version", Value::Message(version));
        let refused = messages::read(message, &foreign.encode_to_vec()).unwrap_err();
        assert!(matches!(refused.fault, Fault::Version(_)), "{message}: {refused}");
        assert_eq!((refused.field.as_str(), refused.code()), ("version", "E-CONTRACT-001"));
    }
}

#[test]
fn the_whole_path_is_named() {
    let epoch = proto::Hello { version: Some(CURRENT.into()), software: "p 1".into(), ..Default::default() };
    let hello = proto::FromRunner { message: Some(proto::from_runner::Message::Hello(epoch)) };
    assert_eq!(FromRunner::try_from(hello).unwrap_err().to_string(), "`hello.epoch` is missing");
    let due = proto::Due { procedure: "a b".into(), next_due_ms: 1 };
    let schedule = proto::Schedule { due: vec![proto::Due { procedure: "a".into(), next_due_ms: 1 }, due] };
    let schedule = proto::FromRunner { message: Some(proto::from_runner::Message::Schedule(schedule)) };
    assert_eq!(FromRunner::try_from(schedule).unwrap_err().field, "schedule.due[1].procedure");
    let nothing = FromControlPlane::try_from(proto::FromControlPlane { message: None }).unwrap_err();
    assert_eq!(nothing, Refusal { field: "message".into(), fault: Fault::Missing });
}

#[test]
fn what_must_fit_together_does() {
    let report = |change: &dyn Fn(&mut proto::Report)| {
        let (_, bytes) = samples::all().into_iter().find(|(name, _)| *name == "Report").unwrap();
        let mut report = proto::Report::decode(bytes.as_slice()).unwrap();
        change(&mut report);
        contract::Report::try_from(report).map(|_| ()).map_err(|refusal| refusal.field)
    };
    assert_eq!(report(&|_| ()), Ok(()));
    assert_eq!(report(&|report| report.seq = 9), Err("line".into()));
    assert_eq!(report(&|report| report.manifest.clear()), Err("manifest".into()));
    assert_eq!(report(&|report| report.attestation.clear()), Err("attestation".into()));
    assert_eq!(report(&|report| report.line = samples::line(8, "run.begun").as_str().into()), Err("manifest".into()));
    let without = |report: &mut proto::Report| {
        report.manifest.clear();
        report.attestation.clear();
    };
    assert_eq!(report(&without), Ok(()));
    let progress = |request: &str, run: &str, stage: proto::RunStage, code: &str| {
        let (request, run, code) = (request.to_owned(), run.to_owned(), code.to_owned());
        contract::RunProgress::try_from(proto::RunProgress { request, run, stage: stage.into(), code })
            .map(|_| ())
            .map_err(|refusal| refusal.field)
    };
    let id = "019aa7f0-0000-7000-8000-000000000003";
    assert_eq!(progress("", "", proto::RunStage::Ended, ""), Err("run".into()));
    assert_eq!(progress(id, "", proto::RunStage::Begun, ""), Err("run".into()));
    assert_eq!(progress(id, "", proto::RunStage::Refused, ""), Err("code".into()));
    assert_eq!(progress(id, "", proto::RunStage::Refused, "E-RUN-001"), Ok(()));
    assert_eq!(progress("", id, proto::RunStage::Ended, ""), Ok(()));
}

#[test]
fn sources_of_a_catalogue_are_bounded_together() {
    let procedure = proto::InstalledProcedure::decode(
        samples::all().into_iter().find(|(name, _)| *name == "InstalledProcedure").unwrap().1.as_slice(),
    )
    .unwrap();
    let large = proto::InstalledProcedure { source: vec![b'a'; 256 * 1024], ..procedure };
    let catalogue = |count| contract::Catalogue::try_from(proto::Catalogue { procedures: vec![large.clone(); count] });
    assert!(catalogue(64).is_ok());
    assert_eq!(catalogue(65).unwrap_err().field, "procedures");
}

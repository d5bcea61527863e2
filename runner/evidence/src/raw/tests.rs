use super::*;
use serde_json::json;

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => unreachable!("tests pass objects"),
    }
}

/// Stores and reads back as the vault does.
fn stored(piece: RawEvidence) -> RawEvidence {
    RawEvidence::from_items(piece.into_items().unwrap()).unwrap()
}

#[test]
fn a_table_is_stored_one_canonical_row_a_record() {
    let records = vec![json!({"b": 1.0, "a": "x"}), json!({"n": 9_007_199_254_740_993_u64})];
    let piece = RawEvidence::table(object(json!({"count": 2})), "rows", records).unwrap();
    let expected = json!({"count": 2, "rows": [{"a": "x", "b": 1}, {"n": "9007199254740993"}]});
    assert_eq!(piece.value().unwrap(), expected);
    let items = piece.into_items().unwrap();
    assert_eq!(items[0].rows[0], br#"{"a":"x","b":1}"#);
    assert_eq!(items[0].form, EvidenceForm::Rows);
    assert_eq!(items[1].rows, [br#"{"count":2}"#]);
    assert_eq!(RawEvidence::from_items(items).unwrap().value().unwrap(), expected);
}

#[test]
fn a_document_keeps_its_exact_bytes_and_a_list_becomes_rows() {
    let text = "b: 1   # note\na: 2\n";
    let piece = RawEvidence::document(Map::new(), "out", Parse::Yaml, text.into()).unwrap();
    let items = piece.into_items().unwrap();
    assert_eq!((items.len(), items[0].rows.concat()), (1, text.as_bytes().to_vec()));

    let list = RawEvidence::document(Map::new(), "out", Parse::Json, b"[ {\"a\":1}, 2 ]".to_vec()).unwrap();
    let items = list.into_items().unwrap();
    assert_eq!((items[0].form, items[0].rows.len()), (EvidenceForm::Rows, 2));
}

#[test]
fn blobs_are_cut_at_65536_and_empty_ones_have_no_row() {
    let piece = RawEvidence::document(Map::new(), "out", Parse::Text, vec![b'x'; 65_537]).unwrap();
    let items = piece.into_items().unwrap();
    assert_eq!(items[0].rows.iter().map(Vec::len).collect::<Vec<_>>(), [65_536, 1]);
    let empty = RawEvidence::document(object(json!({"exit": 0})), "out", Parse::Text, Vec::new()).unwrap();
    assert_eq!(stored(empty).value().unwrap(), json!({"exit": 0, "out": ""}));
}

#[test]
fn dropped_fields_leave_no_trace_in_any_shape() {
    let names = ["salary".to_owned(), "never".to_owned()];
    let csv = b"id,salary\n1,canary\n".to_vec();
    let json_object = br#"{"people":[{"id":1,"salary":"canary"}]}"#.to_vec();
    let pieces = [
        RawEvidence::document(Map::new(), "content", Parse::Csv, csv).unwrap(),
        RawEvidence::document(Map::new(), "content", Parse::Json, json_object).unwrap(),
        RawEvidence::object(object(json!({"a": [{"salary": "canary"}]}))),
    ];
    for mut piece in pieces {
        assert_eq!(piece.drop_fields(&names).unwrap(), ["salary"]);
        let value = piece.value().unwrap().to_string();
        let bytes: Vec<u8> = piece.into_items().unwrap().iter().flat_map(|item| item.rows.concat()).collect();
        assert!(!value.contains("canary") && !String::from_utf8(bytes).unwrap().contains("canary"));
    }
}

#[test]
fn items_that_do_not_belong_together_are_refused() {
    assert!(RawEvidence::from_items(Vec::new()).is_err());
    let frame = |rows: &[u8]| ItemContent { place: Place::Frame, form: EvidenceForm::Blob, rows: vec![rows.to_vec()] };
    assert!(RawEvidence::from_items(vec![frame(b"{}"), frame(b"{}")]).is_err());
    assert!(RawEvidence::from_items(vec![frame(b"[]")]).is_err());
    assert!(RawEvidence::from_items(vec![frame(b"{")]).is_err());
}

proptest::proptest! {
    #[test]
    fn the_value_is_the_same_at_collection_and_from_the_store(
        text: String,
        numbers: Vec<i64>,
        fraction in -1e9_f64..1e9,
    ) {
        let records = numbers.iter().map(|n| json!({"n": n, "t": text, "f": fraction})).collect();
        let piece = RawEvidence::table(object(json!({"t": text})), "rows", records).unwrap();
        let value = piece.value().unwrap();
        proptest::prop_assert_eq!(stored(piece).value().unwrap(), value);
    }
}

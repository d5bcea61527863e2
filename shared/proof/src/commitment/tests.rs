use crypto::SystemEntropy;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::merkle::{ProofError, Tree};
use crate::vectors;

fn bytes32(text: &Value) -> [u8; 32] {
    hex::decode(text.as_str().unwrap()).unwrap().try_into().unwrap()
}

#[test]
fn golden_commitments_salts_leaves_and_paths() {
    let vectors = vectors::load();
    let mut tried = 0;
    for vector in vectors["commitments"].as_array().unwrap() {
        let name = vector["name"].as_str().unwrap();
        let secret = ItemSecret::from_bytes(bytes32(&vector["secret"]));
        let blob: Vec<u8> = (0..150_000_u32).map(|i| (i % 251) as u8).collect();
        let rows: Vec<Vec<u8>> = match vector.get("rows") {
            Some(rows) => rows.as_array().unwrap().iter().map(|r| hex::decode(r.as_str().unwrap()).unwrap()).collect(),
            None => blob_rows(&blob).map(<[u8]>::to_vec).collect(),
        };
        if let Some(lengths) = vector.get("row_lengths") {
            assert_eq!(json!(rows.iter().map(Vec::len).collect::<Vec<_>>()), *lengths, "{name}");
        }
        let mut committer = Committer::new(&secret);
        let leaves: Vec<Digest> = rows.iter().map(|row| committer.push(row)).collect();
        let commitment = committer.commitment();
        assert_eq!(commitment.root.to_string(), vector["root"].as_str().unwrap(), "{name}");
        assert_eq!(commitment.rows, rows.len() as u64);
        for (index, row) in rows.iter().enumerate() {
            let opening = RowOpening::from_leaves(&secret, &leaves, index as u64, row.clone()).unwrap();
            if vector.get("salts").is_some() {
                assert_eq!(*opening.salt.as_bytes(), bytes32(&vector["salts"][index]), "{name} {index}");
                assert_eq!(leaves[index].to_string(), vector["leaves"][index].as_str().unwrap(), "{name} {index}");
                let path: Vec<String> = opening.path.iter().map(Digest::to_string).collect();
                assert_eq!(json!(path), vector["paths"][index], "{name} {index}");
            }
            assert_eq!(opening.path, Tree::new(leaves.clone()).inclusion_path(index as u64).unwrap());
            assert_eq!(opening.verify(&commitment), Ok(()), "{name} {index}");
        }
        assert_eq!(ItemOpening { secret, rows }.verify(&commitment), Ok(()), "{name}");
        tried += 1;
    }
    assert_eq!(tried, 6);
}

#[test]
fn any_change_to_an_opened_item_is_refused() {
    let key = [7; 32];
    let rows: Vec<Vec<u8>> = (0..9_u8).map(|i| vec![i; 3]).collect();
    let commitment = commit(&ItemSecret::from_bytes(key), &rows);
    let verify =
        |rows: Vec<Vec<u8>>, key| ItemOpening { secret: ItemSecret::from_bytes(key), rows }.verify(&commitment);
    assert_eq!(verify(rows.clone(), key), Ok(()));
    assert_eq!(verify(rows.clone(), [8; 32]), Err(OpeningError::Root));
    let mut swapped = rows.clone();
    swapped.swap(2, 5);
    assert_eq!(verify(swapped, key), Err(OpeningError::Root));
    let dropped = rows[..8].to_vec();
    assert_eq!(verify(dropped, key), Err(OpeningError::Count { committed: 9, given: 8 }));
    let mut moved = rows.clone();
    moved[0].push(1);
    moved[1].remove(0);
    assert_eq!(verify(moved, key), Err(OpeningError::Root));
}

#[test]
fn a_row_opens_only_at_its_place_with_its_salt_and_bytes() {
    let secret = ItemSecret::random(&SystemEntropy::new());
    let rows: Vec<Vec<u8>> = (0..6_u8).map(|i| vec![i; 10]).collect();
    let mut committer = Committer::new(&secret);
    let leaves: Vec<Digest> = rows.iter().map(|row| committer.push(row)).collect();
    let commitment = committer.commitment();
    let good = RowOpening::from_leaves(&secret, &leaves, 3, rows[3].clone()).unwrap();
    let wrong_root = OpeningError::Row { index: 3, source: ProofError::Root };
    assert_eq!(good.verify(&commitment), Ok(()));
    let mut changed = good.clone();
    changed.row[0] ^= 1;
    assert_eq!(changed.verify(&commitment), Err(wrong_root.clone()));
    let salt = Salts::new(&secret).of(4);
    assert_eq!(RowOpening { salt, ..good.clone() }.verify(&commitment), Err(wrong_root));
    assert!(RowOpening { index: 2, ..good.clone() }.verify(&commitment).is_err());
    assert!(RowOpening { index: 6, ..good.clone() }.verify(&commitment).is_err());
    assert!(good.verify(&Commitment { rows: 4, ..commitment }).is_err());
    assert!(RowOpening::from_leaves(&secret, &leaves, 6, vec![]).is_err());
}

#[test]
fn golden_canonical_rows() {
    let vectors = vectors::load();
    let rows = vectors["canonical_rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    for vector in rows {
        let value: Value = serde_json::from_str(vector["json"].as_str().unwrap()).unwrap();
        let row = canonical_row(&value).unwrap();
        assert_eq!(String::from_utf8(row).unwrap(), vector["row"].as_str().unwrap());
    }
}

#[test]
fn what_a_double_cannot_hold_is_refused_by_place() {
    for (text, place) in [
        (r#"{"id":9007199254740992}"#, "/id"),
        (r#"{"a/b":[1,{"~n":-9007199254740992}]}"#, "/a~1b/1/~0n"),
        (r#"{"big":12345678901234567890123}"#, "/big"),
        (r#"[18446744073709551615]"#, "/0"),
        ("1e300", "the value itself"),
    ] {
        let error = canonical_row(&serde_json::from_str(text).unwrap()).unwrap_err();
        assert_eq!(error, RowError::InexactNumber { at: place.to_owned() }, "{text}");
        assert!(error.to_string().contains("as a string"));
    }
    for text in ["9007199254740991", "-9007199254740991", "0.1", "5e-324", "-0.5"] {
        assert!(canonical_row(&serde_json::from_str(text).unwrap()).is_ok(), "{text}");
    }
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(canonical_row(&deep), Err(RowError::TooDeep));
}

fn arbitrary_json() -> impl Strategy<Value = Value> {
    let exact = MAX_EXACT_INTEGER as i64;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-exact..=exact).prop_map(Value::from),
        (-1e15..1e15_f64).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// An independent implementation of RFC 8785 is the referee.
    #[test]
    fn canonical_rows_equal_the_referee(value in arbitrary_json()) {
        let referee = serde_json_canonicalizer::to_vec(&value).unwrap();
        prop_assert_eq!(canonical_row(&value).unwrap(), referee);
    }
}

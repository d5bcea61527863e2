use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::{Map, json};

use crate::tests::Bed;
use crate::{Purpose, Selection, Vault};
use runner_evidence::RawEvidence;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    /// Rows of any number and length come back in order, and each alone, with a path that verifies.
    #[test]
    fn chunks_keep_every_row(
        lengths in prop::collection::vec(prop_oneof![6 => 0..40_usize, 6 => 900..1100_usize, 1 => 60_000..70_000_usize], 0..90),
        pick in any::<prop::sample::Index>(),
    ) {
        let bed = Bed::new();
        let mut vault = bed.create();
        let run = bed.start(1).run;
        vault.begin_run(&bed.start(1)).unwrap();
        let rows: Vec<_> = lengths.iter().enumerate().map(|(i, n)| json!(format!("{i}-{}", "x".repeat(*n)))).collect();
        let table = RawEvidence::table(Map::new(), "rows", rows.clone()).unwrap();
        let item = vault.record_piece(run, bed.collected("s", None, table)).unwrap().remove(0);
        prop_assert_eq!(&vault.evidence(run, "s", None).unwrap().value().unwrap()["rows"], &json!(rows));
        if !rows.is_empty() {
            let index = pick.index(rows.len());
            let selection = Selection::Rows([index as u64].into());
            let opened = vault.open_item(item.item, selection, Purpose::default()).unwrap();
            let opening = opened.openings().unwrap().remove(0);
            opening.verify(&item.commitment).unwrap();
            prop_assert_eq!(opening.row, rows[index].to_string().into_bytes());
        }
        prop_assert!(sizes(&vault.db).iter().all(|(rows, bytes)| *rows == 1 || *bytes <= 66 * 1024 + 28));
    }
}

fn sizes(db: &Connection) -> Vec<(i64, i64)> {
    let mut statement = db.prepare("SELECT rows, length(sealed) FROM chunk").unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

/// How many bytes the database grows for each byte of rows of this length, 100 of them in a transaction.
fn growth(row: usize, transactions: u32) -> f64 {
    let bed = Bed::new();
    let mut vault = bed.create();
    let run = bed.start(1).run;
    vault.begin_run(&bed.start(1)).unwrap();
    let pages = |vault: &Vault| vault.db.query_row("PRAGMA page_count", [], |row| row.get::<_, i64>(0)).unwrap();
    let before = pages(&vault);
    for position in 0..transactions {
        let records = vec![json!("r".repeat(row - 2)); 100];
        let table = RawEvidence::table(Map::new(), "rows", records).unwrap();
        vault.record_piece(run, bed.collected("s", Some(position), table)).unwrap();
    }
    ((pages(&vault) - before) * 4096) as f64 / f64::from(transactions * 100) / row as f64
}

#[test]
fn the_file_is_hardly_larger_than_what_it_holds() {
    let (small, large) = (growth(1024, 20), growth(16 * 1024, 3));
    assert!(small <= 1.20, "1 KiB rows: {small:.3}");
    assert!(large <= 1.05, "16 KiB rows: {large:.3}");
}

#[test]
fn reading_one_row_decrypts_one_chunk() {
    let bed = Bed::new();
    let mut vault: Vault = bed.create();
    let run = bed.start(1).run;
    vault.begin_run(&bed.start(1)).unwrap();
    let records = (0..1000).map(|index| json!(format!("{index}{}", "r".repeat(1000)))).collect();
    let table = RawEvidence::table(Map::new(), "rows", records).unwrap();
    let item = vault.record_piece(run, bed.collected("s", None, table)).unwrap().remove(0);
    let chunks = sizes(&vault.db).len();
    assert!(chunks > 10, "{chunks}");
    // With every other chunk damaged, the rows of the one that is whole still come, the others do not.
    let whole: i64 = vault.db.query_row("SELECT id FROM chunk ORDER BY id LIMIT 1 OFFSET 5", [], |r| r.get(0)).unwrap();
    vault.db.execute("UPDATE chunk SET sealed = zeroblob(length(sealed)) WHERE id != ?1", [whole]).unwrap();
    let first = (whole & i64::from(u32::MAX)) as u64;
    let opened = vault.open_item(item.item, Selection::All, Purpose::default()).unwrap();
    assert!(opened.row(first).unwrap().starts_with(format!("\"{first}r").as_bytes()));
    assert_eq!(opened.row(first - 1).unwrap_err().code(), "E-VAULT-013");
}

#[test]
fn a_path_that_does_not_lead_to_the_commitment_is_never_given_out() {
    let bed = Bed::new();
    let mut vault: Vault = bed.create();
    let run = bed.start(1).run;
    vault.begin_run(&bed.start(1)).unwrap();
    let item = vault.record_piece(run, bed.rows("s", None, 50)).unwrap().remove(0);
    let open = |vault: &mut Vault| {
        let opened = vault.open_item(item.item, Selection::All, Purpose::default()).unwrap();
        opened.openings().map(|openings| openings.len())
    };
    assert_eq!(open(&mut vault).unwrap(), 50);
    vault.db.execute("UPDATE item SET nodes = zeroblob(length(nodes)) WHERE rows = 50", []).unwrap();
    assert_eq!(open(&mut vault).unwrap_err().code(), "E-VAULT-015");
    vault.db.execute("UPDATE item SET nodes = zeroblob(32) WHERE rows = 50", []).unwrap();
    assert_eq!(open(&mut vault).unwrap_err().code(), "E-VAULT-014");
}

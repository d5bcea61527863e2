//! Whatever bytes come: no panic, no answer, one journal record.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// The only bytes that nobody signed are the hints at keys and the spelling of the envelope.
    #[test]
    fn a_request_with_any_byte_changed_says_the_same_or_is_refused(
        place in any::<prop::sample::Index>(),
        bit in 0..8_u8,
        cut in any::<bool>(),
    ) {
        STORE.with(|store| {
            let Store { bed, vault, envelope } = &mut *store.borrow_mut();
            let mut bytes = envelope.clone();
            let at = place.index(bytes.len());
            if cut { bytes.truncate(at.max(1)) } else { bytes[at] ^= 1 << bit }
            let before = vault.journal_size().unwrap();
            let changed = message(bytes.clone(), Some(bed.device.verifying_key()));
            let begun = bed.gate().receive(vault, &changed, &EPOCH, &SystemEntropy::new()).unwrap();
            prop_assert!(vault.journal_size().unwrap() > before);
            let same = proof::drilldown::envelope(&bytes).is_ok_and(|read| {
                read.unverified_payload() == proof::drilldown::envelope(envelope).unwrap().unverified_payload()
            });
            match begun {
                Begun::Answering(_) => prop_assert!(same),
                Begun::Refused(refusal) if refusal.code == DrillDownCode::Seen => prop_assert!(same),
                Begun::Refused(refusal) => prop_assert!(refusal.code <= DrillDownCode::Device, "{}", refusal.code),
            }
            Ok(())
        })?;
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 1..9_000)) {
        STORE.with(|store| {
            let Store { bed, vault, .. } = &mut *store.borrow_mut();
            let begun = bed.gate().receive(vault, &message(bytes, None), &EPOCH, &SystemEntropy::new()).unwrap();
            let silent = matches!(&begun, Begun::Refused(refusal) if refusal.receipt.is_none());
            prop_assert!(silent);
            Ok(())
        })?;
    }
}

struct Store {
    bed: Bed,
    vault: Vault,
    envelope: Vec<u8>,
}

thread_local! {
    static STORE: std::cell::RefCell<Store> = std::cell::RefCell::new({
        let bed = Bed::new();
        let vault = bed.filled();
        let envelope = bed.envelope(&bed.request(&vault, 1));
        Store { bed, vault, envelope }
    });
}

//! The second person.

use super::*;

#[test]
fn what_tells_of_persons_is_opened_once_after_somebody_agreed() {
    let bed = Bed::new();
    let mut vault = bed.filled();
    let ask = |vault: &Vault, number: u8| {
        let mut request = bed.request(vault, number);
        request.items = vec![bed.item(vault, 2, Some(vec![1, 2]))];
        request
    };
    let first = ask(&vault, 1);
    assert_eq!(bed.refused(&mut vault, &first), DrillDownCode::SecondPerson);
    let waiting = vault.confirmations().unwrap().remove(0);
    assert_eq!((waiting.request, waiting.person, waiting.run), (first.request, person(), run()));
    assert_eq!(waiting.purpose.as_str(), "audit: sample of the quarter");
    assert!(waiting.items.contains(&first.items[0].item.to_string()) && waiting.items.contains("[1,2]"));
    let reason: proof::text::FreeText = "agreed with the works council".parse().unwrap();
    assert_eq!(vault.confirm(first.request, Some(person()), reason.clone()).unwrap_err().code(), "E-VAULT-019");
    let seq = vault.confirm(first.request, None, reason.clone()).unwrap();
    assert!(vault.journal_line(seq).unwrap().line.contains("\"kind\":\"evidence.confirmed\""));
    assert_eq!(vault.confirm(first.request, None, reason.clone()).unwrap_err().code(), "E-VAULT-019");

    // Anything else is not what was agreed to.
    let mut more = ask(&vault, 2);
    more.items[0].rows = Some(vec![1, 2, 3]);
    assert_eq!(bed.refused(&mut vault, &more), DrillDownCode::SecondPerson);
    let mut why = ask(&vault, 3);
    why.reason = "curiosity".parse().unwrap();
    assert_eq!(bed.refused(&mut vault, &why), DrillDownCode::SecondPerson);
    let fourth = ask(&vault, 4);
    bed.answered(&mut vault, &fourth).cancel(&mut vault).unwrap();
    // Once.
    let fifth = ask(&vault, 5);
    assert_eq!(bed.refused(&mut vault, &fifth), DrillDownCode::SecondPerson);
    let used = vault.confirmations().unwrap().into_iter().find(|known| known.request == first.request).unwrap();
    assert_eq!(used.used, Some(fourth.request));
    // And within a day.
    vault.confirm(fifth.request, None, reason).unwrap();
    bed.clock.advance_ms(24 * 3_600_000 + 1);
    let sixth = ask(&vault, 6);
    assert_eq!(bed.refused(&mut vault, &sixth), DrillDownCode::SecondPerson);
    vault.verify_journal().unwrap();
}

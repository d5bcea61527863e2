use crypto::ed25519::SigningKey;
use proptest::prelude::*;
use signed_note::{StandardVerifier, Verifier, VerifierList};

use super::*;
use crate::vectors;

/// The example of the specification.
const SPEC_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const SPEC_NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo \
    Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

fn name(text: &str) -> KeyName {
    text.parse().unwrap()
}

#[test]
fn the_specification_s_example_verifies() {
    let key: VerifierKey = SPEC_KEY.parse().unwrap();
    assert_eq!(key.to_string(), SPEC_KEY);
    let note = SignedNote::parse(SPEC_NOTE).unwrap();
    assert_eq!(note.text(), "This is an example message.\n");
    assert_eq!(note.verify(&key), Ok(()));
    assert_eq!(note.to_text(), SPEC_NOTE);
}

#[test]
fn another_implementation_agrees() {
    let key = SigningKey::from_seed([9; 32]);
    let name = name("proctor/example/journal");
    let vkey = VerifierKey::new(name.clone(), Algorithm::Ed25519, key.verifying_key());
    let ours = SignedNote::sign("one\n\ntwo\n", &name, &key).unwrap().to_text();
    let referee = signed_note::Note::from_bytes(ours.as_bytes()).unwrap();
    let verifier: Box<dyn Verifier> = Box::new(StandardVerifier::new(&vkey.to_string()).unwrap());
    let (verified, unknown) = referee.verify(&VerifierList::new(vec![verifier])).unwrap();
    assert_eq!((verified.len(), unknown.len()), (1, 0));
    assert_eq!(referee.text(), b"one\n\ntwo\n");
}

#[test]
fn changed_notes_are_refused() {
    let key: VerifierKey = SPEC_KEY.parse().unwrap();
    let refused = |note: &str| SignedNote::parse(note).and_then(|note| note.verify(&key)).unwrap_err();
    assert!(matches!(refused(&SPEC_NOTE.replace("an example", "a forged")), NoteError::Refused(_)));
    assert!(matches!(refused(&SPEC_NOTE.replace("Uw2Q", "Uw2R")), NoteError::NotSigned(_)));
    assert!(matches!(refused(&SPEC_NOTE.replace("/foo", "/bar")), NoteError::NotSigned(_)));
    // A second, wrong signature of the same key spoils the first.
    let key_b64 = "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQ4=";
    let twice = format!("{SPEC_NOTE}\u{2014} example.com/foo {key_b64}\n");
    assert!(matches!(refused(&twice), NoteError::Refused(_)));
    // A key of another kind, though its bytes are the same, verifies nothing here.
    let other = VerifierKey::new(key.name().clone(), Algorithm::Cosignature, *key.key());
    assert!(SignedNote::parse(SPEC_NOTE).unwrap().verify(&other).is_err());
}

#[test]
fn malformed_notes_and_keys_are_refused() {
    for note in [
        "".to_owned(),
        "text\n".to_owned(),
        "text\n\n".to_owned(),
        "\n\n\u{2014} a AAAAAAA=\n".to_owned(),
        SPEC_NOTE.trim_end().to_owned(),
        format!("{SPEC_NOTE}\n"),
        format!("{SPEC_NOTE}x\n"),
        SPEC_NOTE.replace("This", "Th\tis"),
        SPEC_NOTE.replace('\u{2014}', "-"),
        SPEC_NOTE.replace("example.com/foo ", "example.com/foo"),
        SPEC_NOTE.replace("aQM=", "aQN="),
        SPEC_NOTE.replace("example.com", "example+com"),
        format!("t\n\n{}", "\u{2014} a AAAAAAAA\n".repeat(1025)),
        "x".repeat(MAX_NOTE + 1),
    ] {
        assert!(SignedNote::parse(&note).is_err(), "{note:.80}");
    }
    for key in [
        "",
        "a+b",
        &SPEC_KEY.replace("530d903a", "530d903b"),
        &SPEC_KEY.replace("530d903a", "530D903A"),
        &SPEC_KEY.replace("+Aeky", "+Beky"),
        &SPEC_KEY.replace("example.com", "exa mple.com"),
        &SPEC_KEY.replace("U2k", "U2l"),
        "a+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        assert!(key.parse::<VerifierKey>().is_err(), "{key}");
    }
}

#[test]
fn the_golden_key_and_signature() {
    let vectors = vectors::load();
    let vkey = vectors["log"]["verifier_key"].as_str().unwrap();
    let key: VerifierKey = vkey.parse().unwrap();
    assert_eq!(key.to_string(), vkey);
    let text = vectors["log"]["checkpoint"].as_str().unwrap();
    let note = SignedNote::parse(text).unwrap();
    assert_eq!(note.verify(&key), Ok(()));
    let again = SignedNote::sign(note.text(), key.name(), &vectors::ed25519_key("log")).unwrap();
    assert_eq!(again.to_text(), text);
}

proptest! {
    #[test]
    fn what_is_signed_reads_back(text in "[^\\x00-\\x1f]{1,40}(\n[^\\x00-\\x1f]{0,40}){0,5}", seed: [u8; 32]) {
        let key = SigningKey::from_seed(seed);
        let text = format!("{text}\n");
        let note = SignedNote::sign(&text, &name("a/b"), &key).unwrap();
        let read = SignedNote::parse(&note.to_text()).unwrap();
        prop_assert_eq!(read.text(), &text);
        prop_assert_eq!(read.verify(&VerifierKey::new(name("a/b"), Algorithm::Ed25519, key.verifying_key())), Ok(()));
    }

    #[test]
    fn no_bytes_make_the_parsers_panic(bytes: Vec<u8>, text in "\\PC*\n\n\u{2014} \\PC*\n") {
        let _ = parse(&bytes);
        let _ = parse(text.as_bytes());
        let _ = text.parse::<VerifierKey>();
    }
}

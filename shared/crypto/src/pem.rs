//! PEM text (RFC 7468) of one block: keys in files.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A text that is not one PEM block with the expected label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a PEM block labelled `{expected}`: {why}")]
pub struct PemError {
    expected: String,
    why: &'static str,
}

/// The block with this label, lines of 64 characters, ending in a newline.
pub fn encode(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = tail;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

/// The bytes of the only block in `text`, which must carry this label. Space around the block is allowed, a second
/// block is not.
pub fn decode(label: &str, text: &str) -> Result<Vec<u8>, PemError> {
    let fail = |why| PemError { expected: label.to_owned(), why };
    let body = text.trim();
    let body = body.strip_prefix(&format!("-----BEGIN {label}-----")).ok_or_else(|| fail("it does not begin so"))?;
    let body = body.strip_suffix(&format!("-----END {label}-----")).ok_or_else(|| fail("it does not end so"))?;
    if body.contains('-') {
        return Err(fail("more than one block"));
    }
    let compact: String = body.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).map_err(|_| fail("what is between the lines is not base64"))
}

/// The bytes of all blocks in `text`, in their order: at least one, each with this label, with nothing but space between
/// them.
pub fn decode_all(label: &str, text: &str) -> Result<Vec<Vec<u8>>, PemError> {
    let end = format!("-----END {label}-----");
    let mut rest = text.trim();
    let mut blocks = Vec::new();
    while let Some((body, after)) = rest.split_once(&end) {
        blocks.push(decode(label, &format!("{body}{end}"))?);
        rest = after.trim_start();
    }
    if blocks.is_empty() || !rest.is_empty() {
        return Err(PemError { expected: label.to_owned(), why: "no whole block, or something behind the last one" });
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_refusals() {
        let der: Vec<u8> = (0..100).collect();
        let pem = encode("PUBLIC KEY", &der);
        assert!(pem.lines().all(|line| line.len() <= 64));
        assert_eq!(decode("PUBLIC KEY", &pem).unwrap(), der);
        assert!(decode("PRIVATE KEY", &pem).is_err());
        assert!(decode("PUBLIC KEY", &format!("{pem}{pem}")).is_err());
        assert!(decode("PUBLIC KEY", &pem.replace('A', "!")).is_err());
        assert!(decode("PUBLIC KEY", "").is_err());
        assert_eq!(decode_all("PUBLIC KEY", &format!("{pem}\n{pem}")).unwrap(), [der.clone(), der]);
        for bad in ["", "x", &format!("{pem}x"), &format!("x{pem}"), &pem.replace("PUBLIC", "PRIVATE")] {
            assert!(decode_all("PUBLIC KEY", bad).is_err(), "{bad}");
        }
    }
}

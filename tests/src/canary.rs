//! A text that must not be found anywhere, in any of the shapes in which a text hides.

use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// A canary: recognisable bytes that are planted in evidence.
#[derive(Debug, Clone)]
pub struct Canary {
    text: String,
    shapes: Vec<(String, Vec<u8>)>,
}

impl Canary {
    /// The canary with this text, long enough not to occur by chance.
    pub fn new(text: &str) -> Self {
        assert!(text.len() >= 16, "a short text occurs by chance");
        let bytes = text.as_bytes();
        let utf16: Vec<u16> = text.encode_utf16().collect();
        let mut shapes = vec![
            ("raw".to_owned(), bytes.to_vec()),
            ("hex".to_owned(), hex::encode(bytes).into_bytes()),
            ("HEX".to_owned(), hex::encode_upper(bytes).into_bytes()),
            ("UTF-16LE".to_owned(), utf16.iter().flat_map(|unit| unit.to_le_bytes()).collect()),
            ("UTF-16BE".to_owned(), utf16.iter().flat_map(|unit| unit.to_be_bytes()).collect()),
        ];
        // Base64 depends on where in a group of three the text begins; the first and last characters mix with neighbours.
        for lead in 0..3 {
            let encoded = STANDARD_NO_PAD.encode([vec![0; lead], bytes.to_vec()].concat());
            let inner = encoded.get(lead * 2..encoded.len() - 2).unwrap_or_default();
            shapes.push((format!("base64 at {lead}"), inner.as_bytes().to_vec()));
        }
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(bytes).expect("memory can be written to");
        let gzip = gzip.finish().expect("memory can be written to");
        shapes.push(("gzip".to_owned(), gzip.get(10..gzip.len() - 8).unwrap_or_default().to_vec()));
        let digest = crypto::digest::sha256(bytes);
        shapes.push(("SHA-256".to_owned(), digest.as_bytes().to_vec()));
        shapes.push(("SHA-256 in hex".to_owned(), digest.to_string().into_bytes()));
        Self { text: text.to_owned(), shapes }
    }

    /// The text to plant.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// In which shape the canary stands in these bytes, if it does.
    pub fn in_bytes(&self, bytes: &[u8]) -> Option<&str> {
        let found = self.shapes.iter().find(|(_, shape)| contains(bytes, shape));
        found.map(|(name, _)| name.as_str())
    }

    /// Every file below the folder in which the canary stands, with the shape.
    pub fn in_folder(&self, folder: &Path) -> Vec<(PathBuf, String)> {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder of the test is readable") {
                let path = entry.expect("an entry of the folder is readable").path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.is_file() {
                    // A socket holds nothing.
                } else if let Some(shape) = self.in_bytes(&std::fs::read(&path).expect("a file is readable")) {
                    found.push((path, shape.to_owned()));
                }
            }
        }
        found
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    let Some((first, rest)) = wanted.split_first() else { return false };
    let mut at = 0;
    while let Some(next) = bytes.get(at..).and_then(|tail| tail.iter().position(|byte| byte == first)) {
        at += next + 1;
        if bytes.get(at..).is_some_and(|tail| tail.starts_with(rest)) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_found() {
        let canary = Canary::new("canary-0123456789-canary");
        for lead in 0..3 {
            let text = [&b"xyz"[..lead], canary.text().as_bytes(), b"tail"].concat();
            assert!(canary.in_bytes(STANDARD_NO_PAD.encode(text).as_bytes()).is_some(), "base64 at {lead}");
        }
        assert_eq!(canary.in_bytes(b"....canary-0123456789-canary..."), Some("raw"));
        assert_eq!(canary.in_bytes(b"nothing here"), None);
        assert_eq!(canary.in_bytes(hex::encode(canary.text()).as_bytes()), Some("hex"));
    }
}

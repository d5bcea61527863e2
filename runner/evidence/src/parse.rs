//! How the bytes of an output or a file become a value.

use serde_json::{Map, Value};

/// The declared format of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parse {
    /// UTF-8 text as one string.
    Text,
    /// One JSON value; a list is a table.
    Json,
    /// One YAML document; a list is a table.
    Yaml,
    /// CSV (RFC 4180) with a header line: a table of objects of strings.
    Csv,
    /// The lines of a text, without their ends.
    Lines,
    /// `key value`, `key = value` or `key: value` a line: an object of lists, as a key may come more than once. Blank
    /// lines and lines that begin with `#` are skipped.
    Kv,
    /// The output of `sha256sum`: a table of `{name, sha256}`.
    Sha256sums,
    /// Any bytes, such as a scanned page. Expressions see `{sha256, bytes}` of them.
    Attachment,
}

/// The bytes are not in the declared format. Says where, never what stands there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not valid {format}: {why}")]
pub struct ParseError {
    format: &'static str,
    why: String,
}

impl Parse {
    /// The format that a procedure names so.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "json" => Self::Json,
            "yaml" => Self::Yaml,
            "csv" => Self::Csv,
            "lines" => Self::Lines,
            "kv" => Self::Kv,
            "sha256sums" => Self::Sha256sums,
            _ => return None,
        })
    }

    /// Whether a list in this format is stored as one row a record.
    pub(crate) fn is_tabular(self) -> bool {
        matches!(self, Self::Json | Self::Yaml | Self::Csv | Self::Sha256sums)
    }

    /// Reads the bytes. Depth and size of JSON and YAML are bounded by their parsers.
    pub fn read(self, bytes: &[u8]) -> Result<Value, ParseError> {
        match self {
            Self::Attachment => Ok(serde_json::json!({"sha256": crypto::digest::sha256(bytes), "bytes": bytes.len()})),
            _ => self.read_text(bytes),
        }
    }

    fn read_text(self, bytes: &[u8]) -> Result<Value, ParseError> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| self.error(format!("invalid UTF-8 at byte {}", error.valid_up_to())))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match self {
            Self::Text | Self::Attachment => Ok(Value::String(text.to_owned())),
            Self::Json => serde_json::from_str(text)
                .map_err(|error| self.error(format!("line {} column {}", error.line(), error.column()))),
            Self::Yaml => self.yaml(text),
            Self::Csv => self.csv(text),
            Self::Lines => Ok(text.lines().map(|line| Value::String(line.to_owned())).collect()),
            Self::Kv => Ok(Value::Object(key_values(text))),
            Self::Sha256sums => self.checksums(text),
        }
    }

    fn yaml(self, text: &str) -> Result<Value, ParseError> {
        // YAML 1.2: `yes` and `off` are text, as the document's author sees them.
        let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| match error.location() {
            Some(at) => self.error(format!("line {} column {}", at.line(), at.column())),
            None => self.error("it ends early or is too large".to_owned()),
        })
    }

    fn csv(self, text: &str) -> Result<Value, ParseError> {
        let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
        let header = reader.headers().map_err(|error| self.error(csv_place(&error)))?.clone();
        for (index, name) in header.iter().enumerate() {
            if header.iter().take(index).any(|earlier| earlier == name) {
                return Err(self.error(format!("two columns have the same name (column {})", index + 1)));
            }
        }
        let mut records = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| self.error(csv_place(&error)))?;
            let fields = header.iter().zip(&record);
            records.push(Value::Object(fields.map(|(name, field)| (name.to_owned(), field.into())).collect()));
        }
        Ok(Value::Array(records))
    }

    fn checksums(self, text: &str) -> Result<Value, ParseError> {
        let mut records = Vec::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let fault = || self.error(format!("line {} is not a checksum, two characters and a name", index + 1));
            // A name with a backslash or a newline is escaped and its line begins with a backslash.
            let (escaped, line) = line.strip_prefix('\\').map_or((false, line), |rest| (true, rest));
            let (sum, rest) = line.split_at_checked(64).ok_or_else(fault)?;
            let name = rest.strip_prefix("  ").or_else(|| rest.strip_prefix(" *")).ok_or_else(fault)?;
            if name.is_empty() || !sum.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(fault());
            }
            let name = if escaped { unescape(name).ok_or_else(fault)? } else { name.to_owned() };
            let fields = [("name", name), ("sha256", sum.to_ascii_lowercase())];
            records.push(fields.into_iter().map(|(key, value)| (key.to_owned(), Value::String(value))).collect());
        }
        Ok(Value::Array(records))
    }

    fn error(self, why: String) -> ParseError {
        let format = match self {
            Self::Text => "text",
            Self::Json => "JSON",
            Self::Yaml => "YAML",
            Self::Csv => "CSV",
            Self::Lines => "text lines",
            Self::Kv => "key-value lines",
            Self::Sha256sums => "checksum list",
            Self::Attachment => "attachment",
        };
        ParseError { format, why }
    }
}

fn csv_place(error: &csv::Error) -> String {
    match error.position() {
        Some(at) => format!("line {} does not have the columns of the header", at.line()),
        None => "it ends early".to_owned(),
    }
}

fn key_values(text: &str) -> Map<String, Value> {
    let mut object = Map::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let end = line.find(|c: char| c.is_whitespace() || c == '=' || c == ':').unwrap_or(line.len());
        let (key, rest) = line.split_at(end);
        let rest = rest.trim_start();
        let value = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start();
        match object.entry(key).or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(values) => values.push(value.into()),
            _ => continue,
        }
    }
    object
}

fn unescape(name: &str) -> Option<String> {
    let mut plain = String::with_capacity(name.len());
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_format_reads_as_documented() {
        let read = |parse: Parse, text: &str| parse.read(text.as_bytes()).unwrap();
        assert_eq!(read(Parse::Lines, "a\r\nb\n\n"), json!(["a", "b", ""]));
        assert_eq!(read(Parse::Csv, "id,name\n1,\"a,\"\"b\"\"\"\n"), json!([{"id": "1", "name": "a,\"b\""}]));
        assert_eq!(
            read(Parse::Kv, "# x\nport 22\nPort 23\nport 24\nk=v = w\nlisten: [::]:22\nflag\n"),
            json!({"port": ["22", "24"], "Port": ["23"], "k": ["v = w"], "listen": ["[::]:22"], "flag": [""]})
        );
        let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(
            read(Parse::Sha256sums, &format!("{sum}  a b\n{sum} *c\n\\{sum}  d\\\\e\n")),
            json!([{"name": "a b", "sha256": sum}, {"name": "c", "sha256": sum}, {"name": "d\\e", "sha256": sum}])
        );
        assert_eq!(read(Parse::Yaml, "a: [1, yes]\n"), json!({"a": [1, "yes"]}));
    }

    #[test]
    fn faults_say_where_and_never_what() {
        for (parse, text, why) in [
            (Parse::Json, "{\"canary\": }", "JSON: line 1"),
            (Parse::Csv, "a,b\ncanary\n", "CSV: line 2"),
            (Parse::Csv, "a,a\n", "same name"),
            (Parse::Sha256sums, "canary\n", "line 1"),
            (Parse::Yaml, "a: [canary\n", "YAML: line"),
        ] {
            let error = parse.read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("canary"), "{error}");
        }
        assert!(Parse::Text.read(&[b'a', 0xff]).unwrap_err().to_string().contains("byte 1"));
        let deep = "[".repeat(100_000);
        assert!(Parse::Json.read(deep.as_bytes()).is_err());
        assert!(Parse::Yaml.read(deep.as_bytes()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            for parse in
                [Parse::Text, Parse::Json, Parse::Yaml, Parse::Csv, Parse::Lines, Parse::Kv, Parse::Sha256sums]
            {
                let _ = parse.read(&bytes);
            }
        }
    }
}

//! What each connector takes and gives: the one table that the checker, the linter, the JSON Schema and the Runner's
//! connectors share. It knows names and shapes; it must never know how a connector reaches its target.

mod shape;
mod table;

use serde_json::Value;

pub use shape::{Field, Shape};

/// The kinds of system that a connection can lead to.
pub const CONNECTION_TYPES: [&str; 7] = ["command", "http", "postgres", "mysql", "sqlite", "ldap", "kubernetes"];

/// Connectors of the language that this version does not have.
pub const UNAVAILABLE: [&str; 3] = ["dns", "ldap", "kubernetes"];

/// What a step collects through: the word in `use`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Connector {
    /// Runs a program without a shell.
    Command,
    /// Reads files, or only what the file system says about them.
    File,
    /// Asks a web API.
    Http,
    /// Asks a database.
    Sql,
    /// Looks at a TLS endpoint.
    Tls,
    /// Asks a person to decide.
    Attest,
    /// Asks a person questions with right answers.
    Quiz,
}

impl Connector {
    /// Every connector of this version.
    pub const ALL: [Self; 7] = [Self::Command, Self::File, Self::Http, Self::Sql, Self::Tls, Self::Attest, Self::Quiz];

    /// The word in `use`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::File => "file",
            Self::Http => "http",
            Self::Sql => "sql",
            Self::Tls => "tls",
            Self::Attest => "attest",
            Self::Quiz => "quiz",
        }
    }

    /// The connector of this name.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|connector| connector.as_str() == word)
    }

    /// Whether its answer comes from a person, so that the step waits.
    pub const fn asks_a_person(self) -> bool {
        matches!(self, Self::Attest | Self::Quiz)
    }

    /// What it takes, gives and needs.
    pub fn signature(self) -> Signature {
        table::signature(self)
    }
}

impl std::fmt::Display for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a connector takes and needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// The connector.
    pub connector: Connector,
    /// Its arguments in `with`.
    pub arguments: Vec<Field>,
    /// Which connections it can use.
    pub via: Via,
    /// Whether it can change its target.
    pub changes: Changes,
}

/// Which connections a connector can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// `via` is refused.
    None,
    /// `via` may name a connection of these types.
    Optional(&'static [&'static str]),
    /// `via` must name a connection of these types.
    Required(&'static [&'static str]),
}

/// Whether a connector can change its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changes {
    /// It only looks; `changes` is refused.
    Never,
    /// With `changes` it may; without, it is asked to look only.
    WhenDeclared,
    /// With one of these arguments it does, so that `changes` is needed.
    With(&'static [&'static str]),
}

impl Signature {
    /// The argument of this name.
    pub fn argument(&self, name: &str) -> Option<&Field> {
        self.arguments.iter().find(|argument| argument.name == name)
    }

    /// JSON Schema (2020-12) of `with`. Where an expression is allowed, a text that begins with `=` is too.
    pub fn argument_schema(&self) -> Value {
        Shape::Record(self.arguments.clone()).json_schema(shape::Side::Written)
    }

    /// The shape of the value that the connector gives for these arguments, as written in `with`.
    pub fn value_shape(&self, with: &Value) -> Shape {
        table::value_shape(self.connector, with)
    }

    /// JSON Schema (2020-12) of the value that the connector gives for these arguments, as written in `with`.
    pub fn value_schema(&self, with: &Value) -> Value {
        self.value_shape(with).json_schema(shape::Side::Collected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_round_trip() {
        for connector in Connector::ALL {
            assert_eq!(Connector::from_word(connector.as_str()), Some(connector));
            assert_eq!(connector.signature().connector, connector);
        }
        assert!(UNAVAILABLE.iter().all(|word| Connector::from_word(word).is_none()));
    }

    #[test]
    fn a_value_follows_its_arguments() {
        let file = Connector::File.signature();
        assert!(file.value_shape(&json!({"path": "/etc/passwd", "content": "csv"})).member("content").is_some());
        assert!(file.value_shape(&json!({"glob": ["/etc/*"]})).member("files").is_some());
        assert!(file.value_shape(&json!({"glob": ["/etc/*"]})).member("content").is_none());
        let http = Connector::Http.signature();
        assert!(http.value_shape(&json!({"get": "/", "pages": {}})).member("complete").is_some());
        assert!(http.value_shape(&json!({"get": "/"})).member("complete").is_none());
    }

    #[test]
    fn schemas_say_what_the_shapes_say() {
        let schema = Connector::Tls.signature().argument_schema();
        assert_eq!(schema["required"], json!(["host", "port"]));
        assert_eq!(schema["additionalProperties"], json!(false));
        let validator = jsonschema::validator_for(&schema).unwrap();
        assert!(validator.is_valid(&json!({"host": "=item.host", "port": 443, "probe": ["tls1_2"]})));
        assert!(!validator.is_valid(&json!({"host": "a", "port": 70000})));
        assert!(!validator.is_valid(&json!({"host": "a", "port": 443, "probe": "=inputs.x"})));
    }
}

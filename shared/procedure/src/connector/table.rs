//! The table itself: one function a connector.

use serde_json::Value;

use super::shape::{Field, Shape};
use super::{CONNECTION_TYPES, Changes, Connector, Signature, Via};

const PARSE: &[&str] = &["text", "json", "yaml", "csv", "lines", "kv"];
const CONTENT: &[&str] = &["none", "text", "json", "yaml", "csv", "kv", "sha256sums"];
const TLS_VERSIONS: &[&str] = &["tls1_0", "tls1_1", "tls1_2", "tls1_3"];

pub(super) fn signature(connector: Connector) -> Signature {
    let (arguments, via, changes) = match connector {
        Connector::Command => (command(), Via::Optional(&CONNECTION_TYPES), Changes::WhenDeclared),
        Connector::File => (file(), Via::None, Changes::Never),
        Connector::Http => (http(), Via::Required(&["http"]), Changes::With(&["post"])),
        Connector::Sql => (sql(), Via::Required(&["postgres", "mysql", "sqlite"]), Changes::WhenDeclared),
        Connector::Tls => (tls(), Via::None, Changes::Never),
        Connector::Attest => (attest(), Via::None, Changes::Never),
        Connector::Quiz => (quiz(), Via::None, Changes::Never),
    };
    Signature { connector, arguments, via, changes }
}

pub(super) fn value_shape(connector: Connector, with: &Value) -> Shape {
    let word = |name: &str| with.get(name).and_then(Value::as_str);
    match connector {
        Connector::Command => Shape::Record(vec![
            gives("exit", Shape::INT, "exit status"),
            gives("out", parsed(word("parse").unwrap_or("text")), "standard output, parsed"),
            gives("seconds", Shape::Int(0, i64::MAX), "running time in whole seconds, rounded up"),
        ]),
        Connector::File => {
            let file = Shape::Record(file_fields(word("content").unwrap_or("none")));
            if with.get("glob").is_some() {
                return Shape::Record(vec![gives("files", Shape::list(file), "the files found, ordered by path")]);
            }
            file
        }
        Connector::Http if with.get("pages").is_some() => Shape::Record(vec![
            gives("items", Shape::list(Shape::Any), "the items of all pages"),
            gives("pages", Shape::Int(0, i64::MAX), "pages fetched"),
            gives("complete", Shape::Bool, "whether the last page was reached"),
        ]),
        Connector::Http => Shape::Record(vec![
            gives("status", Shape::Int(100, 599), "HTTP status"),
            gives("body", Shape::Any, "parsed if it is JSON, else text"),
        ]),
        Connector::Sql => Shape::Record(vec![
            gives("rows", Shape::list(Shape::Map(Box::new(Shape::Any))), "one record a row, by column name"),
            gives("count", Shape::Int(0, i64::MAX), "number of rows"),
        ]),
        Connector::Tls => Shape::Record(tls_value()),
        Connector::Attest => Shape::Record(vec![
            gives("answer", Shape::Text, "one of `answers`"),
            optional_gives("comment", Shape::Text, "what the person wrote"),
            gives("by", Shape::Text, "who answered"),
            gives("at", Shape::Time, "when"),
        ]),
        Connector::Quiz => Shape::Record(vec![
            gives("passed", Shape::Bool, "whether `pass` was reached"),
            gives("score", Shape::Int(0, 100), "per cent of right answers in the best attempt"),
            gives("attempts", Shape::Int(1, i64::MAX), "attempts made"),
        ]),
    }
}

fn command() -> Vec<Field> {
    vec![
        takes(
            "run",
            Shape::List(Box::new(Shape::Text), 1, 64),
            "program and arguments; the program is an absolute path, written out",
        )
        .required(),
        takes("parse", Shape::Word(PARSE), "how standard output is read; text if not given").literal(),
        takes(
            "ok_exit",
            Shape::List(Box::new(Shape::Int(0, 255)), 1, 32),
            "exit statuses that are not an error; 0 if not given",
        )
        .literal(),
        takes("stdin", Shape::Text, "what the program reads from standard input"),
    ]
}

fn file() -> Vec<Field> {
    vec![
        takes("path", Shape::Text, "one file; absolute, or below `under`"),
        takes("glob", Shape::List(Box::new(Shape::Text), 1, 64), "patterns of files; absolute, or below `under`"),
        takes("under", Shape::Text, "the folder that `path` or `glob` are relative to"),
        takes("content", Shape::Word(CONTENT), "how the content is read; none if not given").literal(),
        takes("hash", Shape::Word(&["sha256"]), "also hash the content").literal(),
    ]
}

fn http() -> Vec<Field> {
    let pages = Shape::Record(vec![
        takes("items", Shape::Text, "path to the list in a page, such as body.users").required().literal(),
        takes("next", Shape::Text, "path to the cursor or address of the next page").required().literal(),
        takes("param", Shape::Text, "query parameter that takes the cursor; none if `next` is an address").literal(),
        takes("max", Shape::Int(1, 100_000), "most pages to fetch; more is an error").literal(),
    ]);
    vec![
        takes("get", Shape::Text, "path below the connection's base URL, fetched with GET"),
        takes("post", Shape::Text, "path below the connection's base URL, sent with POST"),
        takes("query", Shape::Map(Box::new(Shape::Any)), "query parameters"),
        takes("body", Shape::Any, "request body, sent as JSON"),
        takes(
            "expect",
            Shape::OneOrMore(Box::new(Shape::Int(100, 599))),
            "status or statuses that are not an error; 200 if not given",
        )
        .literal(),
        takes("pages", pages, "fetch all pages").literal(),
    ]
}

fn sql() -> Vec<Field> {
    vec![
        takes("query", Shape::Text, "one statement").required().literal(),
        takes("params", Shape::List(Box::new(Shape::Any), 0, 1_000), "values of the statement's parameters, in order"),
        takes("max_rows", Shape::Int(1, 1_000_000), "more rows are an error; 10000 if not given").literal(),
        takes("database", Shape::Text, "the database, if not the connection's own"),
    ]
}

fn tls() -> Vec<Field> {
    vec![
        takes("host", Shape::Text, "host name").required(),
        takes("port", Shape::Int(1, 65_535), "TCP port").required(),
        takes("probe", Shape::List(Box::new(Shape::Word(TLS_VERSIONS)), 1, 4), "versions to try; all if not given")
            .literal(),
    ]
}

fn attest() -> Vec<Field> {
    vec![
        takes("ask", Shape::Text, "a role or a person").required(),
        takes("not", Shape::Text, "a person who must not answer"),
        takes("question", Shape::Text, "what is asked").required().literal(),
        takes("show", Shape::List(Box::new(Shape::Text), 1, 64), "fields of the item that the person sees").literal(),
        takes("answers", Shape::List(Box::new(Shape::Text), 1, 32), "the possible answers").required().literal(),
        takes("comment_for", Shape::List(Box::new(Shape::Text), 1, 32), "answers that need a comment").literal(),
        takes("attach", Shape::Bool, "whether the person attaches a file").literal(),
        takes("document", Shape::Text, "SHA-256 of the document that is acknowledged"),
        takes("due", Shape::Duration, "time to answer; the schedule's if not given").literal(),
    ]
}

fn quiz() -> Vec<Field> {
    let question = Shape::Record(vec![
        takes("q", Shape::Text, "the question").required().literal(),
        takes("choices", Shape::List(Box::new(Shape::Text), 2, 16), "the choices").required().literal(),
        takes("right", Shape::Int(1, 16), "the number of the right choice, from 1").required().literal(),
        takes("why", Shape::Text, "shown after the quiz is passed").literal(),
    ]);
    vec![
        takes("ask", Shape::Text, "a person").required(),
        takes("questions", Shape::List(Box::new(question), 1, 200), "the questions").required().literal(),
        takes("draw", Shape::Int(1, 200), "how many are asked in an attempt; all if not given").literal(),
        takes("pass", Shape::Int(1, 100), "per cent needed to pass").required().literal(),
        takes("attempts", Shape::Int(1, 100), "most attempts; 1 if not given").literal(),
        takes("due", Shape::Duration, "time to pass; the schedule's if not given").literal(),
    ]
}

fn parsed(parse: &str) -> Shape {
    match parse {
        "text" => Shape::Text,
        "csv" => Shape::list(Shape::Map(Box::new(Shape::Text))),
        "lines" => Shape::list(Shape::Text),
        "kv" => Shape::Map(Box::new(Shape::list(Shape::Text))),
        "sha256sums" => Shape::list(Shape::Record(vec![
            gives("name", Shape::Text, "file name"),
            gives("sha256", Shape::Text, "digest in lower-case hex"),
        ])),
        _ => Shape::Any,
    }
}

fn file_fields(content: &str) -> Vec<Field> {
    let mut fields = vec![
        gives("exists", Shape::Bool, "whether it is there"),
        gives("path", Shape::Text, "absolute path"),
        gives("name", Shape::Text, "path below `under`, else the file name"),
        optional_gives("size", Shape::Int(0, i64::MAX), "bytes"),
        optional_gives("mtime", Shape::Time, "last change of the content"),
        optional_gives("mode", Shape::Text, "four octal digits"),
        optional_gives("owner", Shape::Text, "user name, or number if it has none"),
        optional_gives("group", Shape::Text, "group name, or number if it has none"),
        optional_gives("sha256", Shape::Text, "digest of the content in lower-case hex"),
    ];
    if content != "none" {
        fields.push(optional_gives("content", parsed(content), "the content, parsed"));
    }
    fields
}

fn tls_value() -> Vec<Field> {
    let certificate = Shape::Record(vec![
        gives("subject", Shape::Text, "RFC 4514 name"),
        gives("issuer", Shape::Text, "RFC 4514 name"),
        gives("not_before", Shape::Time, "begin of validity"),
        gives("not_after", Shape::Time, "end of validity"),
        gives("key_type", Shape::Text, "rsa, ec, ed25519 or other"),
        gives("key_bits", Shape::Int(0, i64::MAX), "size of the key"),
        gives("sans", Shape::list(Shape::Text), "subject alternative names"),
        gives("sha256", Shape::Text, "digest of the certificate in lower-case hex"),
    ]);
    let accepts = TLS_VERSIONS.iter().map(|version| optional_gives(version, Shape::Bool, "whether it was accepted"));
    vec![
        gives("trusted", Shape::Bool, "whether the chain leads to a trusted root"),
        gives("hostname_ok", Shape::Bool, "whether the certificate names the host"),
        gives("chain", Shape::list(certificate), "the chain as presented, the endpoint's own certificate first"),
        gives("accepts", Shape::Record(accepts.collect()), "the versions that were tried"),
    ]
}

fn takes(name: &'static str, shape: Shape, meaning: &'static str) -> Field {
    Field { name: name.into(), shape, required: false, literal: false, meaning }
}

fn gives(name: &'static str, shape: Shape, meaning: &'static str) -> Field {
    Field { name: name.into(), shape, required: true, literal: false, meaning }
}

fn optional_gives(name: &'static str, shape: Shape, meaning: &'static str) -> Field {
    Field { name: name.into(), shape, required: false, literal: false, meaning }
}

impl Field {
    fn required(self) -> Self {
        Self { required: true, ..self }
    }

    fn literal(self) -> Self {
        Self { literal: true, ..self }
    }
}

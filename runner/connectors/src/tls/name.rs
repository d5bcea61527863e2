//! Distinguished names as text (RFC 4514).

use x509_parser::x509::{AttributeTypeAndValue, X509Name};

const SHORT: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.6", "C"),
    ("2.5.4.9", "STREET"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("2.5.4.5", "serialNumber"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

/// The name, most specific part first.
pub(super) fn rfc4514(name: &X509Name<'_>) -> String {
    let parts: Vec<_> = name.iter_rdn().map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let id = attribute.attr_type().to_id_string();
    let key = SHORT.iter().find(|(oid, _)| *oid == id).map_or(id.as_str(), |(_, short)| short);
    match attribute.as_str() {
        Ok(text) => format!("{key}={}", escaped(text)),
        // A value that is not a plain text stands there as it was encoded.
        Err(_) => format!("{key}=#{}", hex::encode(attribute.attr_value().data)),
    }
}

fn escaped(text: &str) -> String {
    let last = text.chars().count().saturating_sub(1);
    let mut out = String::with_capacity(text.len());
    for (index, character) in text.chars().enumerate() {
        let at_edge = character == ' ' && (index == 0 || index == last);
        if at_edge || (character == '#' && index == 0) || matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\')
        {
            out.push('\\');
            out.push(character);
        } else if character.is_control() {
            let mut buffer = [0; 4];
            character.encode_utf8(&mut buffer).bytes().for_each(|byte| out.push_str(&format!("\\{byte:02X}")));
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_would_end_a_part_is_escaped() {
        assert_eq!(escaped("a,b+c"), "a\\,b\\+c");
        assert_eq!(escaped(" #x "), "\\ #x\\ ");
        assert_eq!(escaped("#x"), "\\#x");
        assert_eq!(escaped("a\u{0}b\n"), "a\\00b\\0A");
        assert_eq!(escaped("Müller"), "Müller");
    }
}

//! One query with each of many values, as one statement: what a statement costs beside its work (a message, a snapshot,
//! its parameters, its answer) is more than most of our queries take.

use std::error::Error;
use std::fmt::Write as _;

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type};

use crate::value::Value;

/// A query with each of several rows of values.
#[derive(Debug)]
pub(super) struct Together {
    /// Answers with the number of the row of values, the place within its answer, and then what the query answers with.
    pub(super) text: String,
    /// The types of its parameters.
    pub(super) types: Vec<Type>,
    /// Its parameters behind the tenant.
    pub(super) parameters: Vec<Parameter>,
}

/// A value that is the same in every row, or those of all rows.
#[derive(Debug)]
pub(super) enum Parameter {
    One(Value),
    Each(Vec<Value>),
}

impl Together {
    /// `None` where there is nothing to gain, or where the query cannot stand within another.
    pub(super) fn new(sql: &str, types: &[Type], each: &[Vec<Value>]) -> Option<Self> {
        let [first, others @ ..] = each else { return None };
        let (tenant, types) = types.split_first()?;
        let reads = sql.starts_with("SELECT ") || sql.starts_with("WITH ");
        if others.is_empty() || !reads || sql.contains(" FOR UPDATE") || types.len() != first.len() {
            return None;
        }
        let mut together = Self { text: String::new(), types: vec![tenant.clone()], parameters: Vec::new() };
        let (mut names, mut arrays, mut given) = (vec!["$1".to_owned()], Vec::new(), Vec::new());
        for (column, ty) in types.iter().enumerate() {
            let values: Vec<_> = each.iter().map(|row| row.get(column).cloned()).collect::<Option<_>>()?;
            let own = format!("${}", column + 2);
            let number = together.types.len() + 1;
            if others.iter().all(|row| row.get(column) == first.get(column)) {
                together.types.push(ty.clone());
                together.parameters.push(Parameter::One(first.get(column)?.clone()));
                names.push(format!("${number}"));
            } else if ends_a_limit(sql, &own) {
                // How many rows are wanted cannot come out of another table.
                return None;
            } else {
                together.types.push(array_of(ty)?);
                together.parameters.push(Parameter::Each(values));
                names.push(format!("given.v{number}"));
                arrays.push(format!("${number}"));
                given.push(format!("v{number}"));
            }
        }
        if arrays.is_empty() {
            return None;
        }
        let _ = write!(
            together.text,
            "SELECT given.nth, found.* FROM unnest({}) WITH ORDINALITY AS given ({}, nth) CROSS JOIN LATERAL \
             (SELECT row_number() OVER () AS place, answer.* FROM ({}) AS answer) AS found",
            arrays.join(", "),
            given.join(", "),
            renamed(sql, &names)?,
        );
        Some(together)
    }
}

impl ToSql for Parameter {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let values = match self {
            Self::One(value) => return super::wire::Bound(value.clone()).to_sql(ty, out),
            Self::Each(values) => values.iter(),
        };
        let wrong = |value: &Value| format!("{value:?} in a list for {ty}");
        match *ty {
            Type::INT8_ARRAY => {
                let number = |value: &Value| match value {
                    Value::Null => Ok(None),
                    Value::Int(number) => Ok(Some(*number)),
                    other => Err(wrong(other)),
                };
                values.map(number).collect::<Result<Vec<_>, _>>()?.to_sql(ty, out)
            }
            Type::TEXT_ARRAY => {
                let text = |value| match value {
                    &Value::Null => Ok(None),
                    Value::Text(text) => Ok(Some(text.as_str())),
                    other => Err(wrong(other)),
                };
                values.map(text).collect::<Result<Vec<_>, _>>()?.to_sql(ty, out)
            }
            _ => {
                let bytes = |value| match value {
                    &Value::Null => Ok(None),
                    Value::Bytes(bytes) => Ok(Some(bytes.as_slice())),
                    other => Err(wrong(other)),
                };
                values.map(bytes).collect::<Result<Vec<_>, _>>()?.to_sql(ty, out)
            }
        }
    }

    fn accepts(ty: &Type) -> bool {
        let one = [Type::INT8, Type::TEXT, Type::BYTEA];
        one.contains(ty) || one.iter().any(|one| array_of(one).as_ref() == Some(ty))
    }

    tokio_postgres::types::to_sql_checked!();
}

fn array_of(ty: &Type) -> Option<Type> {
    match *ty {
        Type::INT8 => Some(Type::INT8_ARRAY),
        Type::TEXT => Some(Type::TEXT_ARRAY),
        Type::BYTEA => Some(Type::BYTEA_ARRAY),
        _ => None,
    }
}

/// Whether this placeholder says somewhere how many rows are wanted.
fn ends_a_limit(sql: &str, placeholder: &str) -> bool {
    let is_whole = |rest: &str| !rest.starts_with(|next: char| next.is_ascii_digit());
    let mut parts = sql.split("LIMIT ");
    parts.next();
    parts.any(|part| part.strip_prefix(placeholder).is_some_and(is_whole))
}

/// The text with the first, second, … of these names where `$1`, `$2`, … stand.
fn renamed(sql: &str, names: &[String]) -> Option<String> {
    let mut parts = sql.split('$');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let end = part.find(|next: char| !next.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at_checked(end)?;
        let name = names.get(number.parse::<usize>().ok()?.checked_sub(1)?)?;
        text.push_str(name);
        text.push_str(rest);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPES: [Type; 4] = [Type::TEXT, Type::BYTEA, Type::TEXT, Type::INT8];

    fn row(bytes: &[u8], text: &str, number: i64) -> Vec<Value> {
        vec![Value::Bytes(bytes.to_vec()), Value::Text(text.to_owned()), Value::Int(number)]
    }

    #[test]
    fn what_differs_is_a_list_and_what_does_not_stays_one_value() {
        let sql = "SELECT a FROM t WHERE tenant = $1 AND b = $2 AND c = $3 AND tenant <> $10 LIMIT $4";
        let rows = [row(b"1", "x", 9), row(b"2", "x", 9)];
        assert!(Together::new(sql, &TYPES, &rows).is_none(), "a placeholder without a value");
        let sql = "SELECT a FROM t WHERE tenant = $1 AND b = $2 AND c = $3 LIMIT $4";
        let together = Together::new(sql, &TYPES, &rows).unwrap();
        assert_eq!(
            together.text,
            "SELECT given.nth, found.* FROM unnest($2) WITH ORDINALITY AS given (v2, nth) CROSS JOIN LATERAL (SELECT \
             row_number() OVER () AS place, answer.* FROM (SELECT a FROM t WHERE tenant = $1 AND b = given.v2 AND c = $3 \
             LIMIT $4) AS answer) AS found"
        );
        assert_eq!(together.types, [Type::TEXT, Type::BYTEA_ARRAY, Type::TEXT, Type::INT8]);
    }

    #[test]
    fn what_cannot_stand_within_another_query_stays_by_itself() {
        let select = "SELECT a FROM t WHERE tenant = $1 AND b = $2 AND c = $3 LIMIT $4";
        assert!(Together::new(select, &TYPES, &[row(b"1", "x", 9)]).is_none(), "one alone");
        assert!(Together::new(select, &TYPES, &[row(b"1", "x", 9), row(b"1", "x", 9)]).is_none(), "all the same");
        assert!(
            Together::new(select, &TYPES, &[row(b"1", "x", 9), row(b"2", "x", 8)]).is_none(),
            "limits of their own"
        );
        let rows = [row(b"1", "x", 9), row(b"2", "x", 9)];
        for sql in ["DELETE FROM t WHERE b = $2 AND c = $3 RETURNING $4", &format!("{select} FOR UPDATE")] {
            assert!(Together::new(sql, &TYPES, &rows).is_none(), "{sql}");
        }
    }
}

//! One value of a row of PostgreSQL, from the bytes of its binary protocol to JSON.

use std::error::Error;
use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine;
use serde_json::Value;
use tokio_postgres::types::{FromSql, Kind, Type};

use crate::sql::{rows, time};

/// The bytes of a value, of whatever type.
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The value. A type that has no plain meaning in JSON is an error that says so, never a guess.
pub(super) fn value(kind: &Type, bytes: &[u8]) -> Result<Value, String> {
    match kind.kind() {
        Kind::Domain(base) => value(base, bytes),
        Kind::Enum(_) => text(bytes),
        Kind::Array(element) => array(element, bytes),
        Kind::Pseudo if *kind == Type::VOID => Ok(Value::Null),
        Kind::Simple => simple(kind, bytes),
        _ => Err(unknown(kind)),
    }
}

fn simple(kind: &Type, bytes: &[u8]) -> Result<Value, String> {
    let mut input = Input(bytes);
    let value = match *kind {
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::XML => return text(bytes),
        Type::BOOL => (input.take::<1>()? != [0]).into(),
        Type::CHAR => (input.take::<1>()?[0] as char).to_string().into(),
        Type::INT2 => i16::from_be_bytes(input.take()?).into(),
        Type::INT4 => i32::from_be_bytes(input.take()?).into(),
        Type::INT8 => i64::from_be_bytes(input.take()?).into(),
        Type::OID | Type::XID | Type::CID => u32::from_be_bytes(input.take()?).into(),
        Type::XID8 => u64::from_be_bytes(input.take()?).into(),
        Type::FLOAT4 => {
            // The shortest text that means this number, not the digits that a wider type would add.
            let number = f32::from_be_bytes(input.take()?);
            rows::float(number.to_string().parse().unwrap_or(f64::from(number)))
        }
        Type::FLOAT8 => rows::float(f64::from_be_bytes(input.take()?)),
        Type::NUMERIC => numeric(&mut input)?.into(),
        Type::JSON => return json(bytes),
        Type::JSONB => match input.take::<1>()? {
            [1] => return json(input.0),
            _ => return Err("an unknown version of jsonb".to_owned()),
        },
        Type::BYTEA => return Ok(base64::engine::general_purpose::STANDARD.encode(bytes).into()),
        Type::UUID => uuid(input.take()?).into(),
        Type::DATE => time::date(i32::from_be_bytes(input.take()?))?.into(),
        Type::TIME => time::time_of_day(i64::from_be_bytes(input.take()?)).into(),
        Type::TIMETZ => {
            let day = time::time_of_day(i64::from_be_bytes(input.take()?));
            (day + &time::offset(i32::from_be_bytes(input.take()?))).into()
        }
        Type::TIMESTAMP | Type::TIMESTAMPTZ => time::timestamp(i64::from_be_bytes(input.take()?))?.into(),
        Type::INTERVAL => {
            let micros = i64::from_be_bytes(input.take()?);
            let days = i32::from_be_bytes(input.take()?);
            time::interval(micros, days, i32::from_be_bytes(input.take()?)).into()
        }
        Type::INET | Type::CIDR => inet(&mut input)?.into(),
        Type::MACADDR => mac(&input.take::<6>()?).into(),
        Type::MACADDR8 => mac(&input.take::<8>()?).into(),
        Type::PG_LSN => {
            let position = u64::from_be_bytes(input.take()?);
            format!("{:X}/{:X}", position >> 32, position & 0xffff_ffff).into()
        }
        _ if kind.name() == "citext" => return text(bytes),
        _ => return Err(unknown(kind)),
    };
    if input.0.is_empty() { Ok(value) } else { Err(format!("a value of type {} with bytes left over", kind.name())) }
}

fn unknown(kind: &Type) -> String {
    format!("values of type {} cannot be recorded as they are: cast the column to text in the query", kind.name())
}

fn text(bytes: &[u8]) -> Result<Value, String> {
    std::str::from_utf8(bytes).map(Value::from).map_err(|_| "a text that is not UTF-8".to_owned())
}

fn json(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("JSON that cannot be read: {error}"))
}

fn array(element: &Type, bytes: &[u8]) -> Result<Value, String> {
    let mut input = Input(bytes);
    let dimensions = i32::from_be_bytes(input.take()?);
    input.take::<8>()?;
    let mut lengths = Vec::new();
    for _ in 0..dimensions.clamp(0, 6) {
        lengths.push(i32::from_be_bytes(input.take()?));
        input.take::<4>()?;
    }
    if lengths.is_empty() {
        return Ok(Value::Array(Vec::new()));
    }
    list(element, &lengths, &mut input)
}

fn list(element: &Type, lengths: &[i32], input: &mut Input<'_>) -> Result<Value, String> {
    let Some((length, inner)) = lengths.split_first() else {
        let size = i32::from_be_bytes(input.take()?);
        let Ok(size) = usize::try_from(size) else { return Ok(Value::Null) };
        return value(element, input.slice(size)?);
    };
    (0..*length).map(|_| list(element, inner, input)).collect::<Result<_, _>>().map(Value::Array)
}

/// Digits in base 10,000 with the place of the first, a sign and the digits to show behind the point.
fn numeric(input: &mut Input<'_>) -> Result<String, String> {
    let count = u16::from_be_bytes(input.take()?);
    let weight = i32::from(i16::from_be_bytes(input.take()?));
    let sign = u16::from_be_bytes(input.take()?);
    let scale = usize::from(u16::from_be_bytes(input.take()?));
    let mut digits = Vec::with_capacity(count.into());
    for _ in 0..count {
        digits.push(u16::from_be_bytes(input.take()?));
    }
    let mut out = match sign {
        0x0000 => String::new(),
        0x4000 => "-".to_owned(),
        0xc000 => return Ok("NaN".to_owned()),
        0xd000 => return Ok("Infinity".to_owned()),
        0xf000 => return Ok("-Infinity".to_owned()),
        _ => return Err("an unknown sign of a decimal".to_owned()),
    };
    let digit = |place: i32| {
        let index = usize::try_from(weight - place).ok();
        index.and_then(|index| digits.get(index)).copied().unwrap_or(0)
    };
    out.push_str(&digit(weight.max(0)).to_string());
    for place in (0..weight.max(0)).rev() {
        out.push_str(&format!("{:04}", digit(place)));
    }
    if scale > 0 {
        let places = i32::try_from(scale.div_ceil(4)).unwrap_or(i32::MAX);
        let fraction: String = (1..=places).map(|place| format!("{:04}", digit(-place))).collect();
        out.push('.');
        out.push_str(fraction.get(..scale).unwrap_or(&fraction));
    }
    Ok(out)
}

fn uuid(bytes: [u8; 16]) -> String {
    let hex = hex::encode(bytes);
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0..8), part(8..12), part(12..16), part(16..20), part(20..32))
}

fn inet(input: &mut Input<'_>) -> Result<String, String> {
    let [_family, bits, is_cidr, length] = input.take()?;
    let (address, full) = match length {
        4 => (Ipv4Addr::from(input.take::<4>()?).to_string(), 32),
        16 => (Ipv6Addr::from(input.take::<16>()?).to_string(), 128),
        _ => return Err("an address of unknown length".to_owned()),
    };
    Ok(if bits == full && is_cidr == 0 { address } else { format!("{address}/{bits}") })
}

fn mac(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (taken, rest) = self.0.split_first_chunk().ok_or("a value that is too short for its type")?;
        self.0 = rest;
        Ok(*taken)
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or("a value that is too short for its type")?;
        self.0 = rest;
        Ok(taken)
    }
}

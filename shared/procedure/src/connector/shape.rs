//! Shapes of arguments and values, and the JSON Schema that says the same.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

/// What a value looks like.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Anything.
    Any,
    /// true or false.
    Bool,
    /// A whole number in this range.
    Int(i64, i64),
    /// A text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A text such as `14d`.
    Duration,
    /// A text in RFC 3339.
    Time,
    /// A list of this many items at least and at most.
    List(Box<Shape>, usize, usize),
    /// One such value, or a list of at least one.
    OneOrMore(Box<Shape>),
    /// A map with these fields and no others.
    Record(Vec<Field>),
    /// A map with any keys, whose values have this shape.
    Map(Box<Shape>),
}

/// A field of a record, or an argument of a connector.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: Cow<'static, str>,
    /// What it holds.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it must be written out, so that an expression is refused.
    pub literal: bool,
    /// What it is, in one line.
    pub meaning: &'static str,
}

/// Which side of a connector a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// As an author writes it, expressions included.
    Written,
    /// As the connector gives it.
    Collected,
}

impl Shape {
    /// Any whole number.
    pub(crate) const INT: Self = Self::Int(i64::MIN, i64::MAX);

    /// A list of any length.
    pub(crate) fn list(of: Self) -> Self {
        Self::List(Box::new(of), 0, usize::MAX)
    }

    /// The shape of a member; `None` if the value certainly has no such member.
    pub fn member(&self, name: &str) -> Option<Shape> {
        match self {
            Self::Any => Some(Self::Any),
            Self::Map(values) => Some((**values).clone()),
            Self::Record(fields) => fields.iter().find(|field| field.name == name).map(|field| field.shape.clone()),
            _ => None,
        }
    }

    /// The names of the members, if they are known.
    pub fn members(&self) -> Vec<&str> {
        match self {
            Self::Record(fields) => fields.iter().map(|field| field.name.as_ref()).collect(),
            _ => Vec::new(),
        }
    }

    /// The shape of an item of a list; anything for what is not known to be a list.
    pub(crate) fn item(&self) -> Shape {
        match self {
            Self::List(of, ..) => (**of).clone(),
            _ => Self::Any,
        }
    }

    /// The JSON Schema of the shape.
    pub(crate) fn json_schema(&self, side: Side) -> Value {
        match self {
            Self::Any => json!({}),
            Self::Bool => json!({"type": "boolean"}),
            Self::Int(min, max) => {
                let mut schema = json!({"type": "integer"});
                if *min != i64::MIN {
                    insert(&mut schema, "minimum", json!(min));
                }
                if *max != i64::MAX {
                    insert(&mut schema, "maximum", json!(max));
                }
                schema
            }
            Self::Text => json!({"type": "string"}),
            Self::Word(words) => json!({"enum": words}),
            Self::Duration => json!({"type": "string", "pattern": "^[1-9][0-9]*[smhd]$"}),
            Self::Time => json!({"type": "string", "format": "date-time"}),
            Self::List(of, min, max) => {
                let mut schema = json!({"type": "array", "items": of.schema_or_expression(side, false)});
                if *min > 0 {
                    insert(&mut schema, "minItems", json!(min));
                }
                if *max != usize::MAX {
                    insert(&mut schema, "maxItems", json!(max));
                }
                schema
            }
            Self::OneOrMore(of) => {
                let one = of.json_schema(side);
                json!({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]})
            }
            Self::Map(values) => {
                json!({"type": "object", "additionalProperties": values.schema_or_expression(side, false)})
            }
            Self::Record(fields) => {
                let mut properties = Map::new();
                for field in fields {
                    let mut schema = field.shape.schema_or_expression(side, field.literal);
                    insert(&mut schema, "description", json!(field.meaning));
                    properties.insert(field.name.clone().into_owned(), schema);
                }
                let required: Vec<_> = fields.iter().filter(|field| field.required).map(|field| &field.name).collect();
                json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
            }
        }
    }

    fn schema_or_expression(&self, side: Side, literal: bool) -> Value {
        let schema = if literal { self.json_schema(Side::Collected) } else { self.json_schema(side) };
        let says_text = matches!(self, Self::Any | Self::Text);
        if side == Side::Collected || literal || says_text {
            return schema;
        }
        json!({"anyOf": [schema, {"type": "string", "pattern": "^="}]})
    }
}

fn insert(schema: &mut Value, key: &str, value: Value) {
    if let Value::Object(schema) = schema {
        schema.insert(key.to_owned(), value);
    }
}

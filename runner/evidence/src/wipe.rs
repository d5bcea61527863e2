//! Wiping of JSON values, which have no destructor of their own that does it.

use serde_json::Value;
use zeroize::Zeroize;

/// Overwrites every string in the value and leaves null. Object keys are wiped too: they come from targets as well.
pub(crate) fn wipe(value: &mut Value) {
    match std::mem::take(value) {
        Value::String(mut text) => text.zeroize(),
        Value::Array(mut list) => list.iter_mut().for_each(wipe),
        Value::Object(object) => {
            for (mut key, mut value) in object {
                key.zeroize();
                wipe(&mut value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

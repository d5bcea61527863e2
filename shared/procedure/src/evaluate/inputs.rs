//! Values for the inputs of a procedure.

use serde_json::{Map, Value};

use crate::fault::{Fault, FaultCode, Faults, did_you_mean};
use crate::model::Procedure;
use crate::reader::{fits, words_of_shape};

/// The values of all inputs: those given, else the defaults.
///
/// # Errors
///
/// Every value that is missing, does not fit its type or belongs to no input. A fault's place is the declaration of the
/// input in the procedure; a value for an input that is not declared has none (line 0).
pub fn bind_inputs(procedure: &Procedure, given: &Map<String, Value>) -> Result<Map<String, Value>, Faults> {
    let mut bound = Map::new();
    let mut faults = Vec::new();
    for input in &procedure.inputs {
        let (line, column) = input.at;
        let mut fault = |code, message| faults.push(Fault { line, column, code, message, suggestion: None });
        match given.get(&input.name).or(input.default.as_ref()) {
            None => {
                let asked = input.ask.as_ref().map(|ask| format!(": {ask}")).unwrap_or_default();
                let kind = words_of_shape(&input.shape);
                fault(FaultCode::MissingInput, format!("the input `{}` needs {kind}{asked}", input.name));
            }
            Some(value) => match fits(&input.shape, value) {
                Ok(()) => {
                    bound.insert(input.name.clone(), value.clone());
                }
                Err(message) => fault(FaultCode::BadInput, format!("the input `{}`: {message}", input.name)),
            },
        }
    }
    for name in given.keys().filter(|name| !procedure.inputs.iter().any(|input| input.name == **name)) {
        faults.push(Fault {
            line: 0,
            column: 0,
            code: FaultCode::UnknownInput,
            message: format!("the procedure has no input `{name}`"),
            suggestion: did_you_mean(name, procedure.inputs.iter().map(|input| input.name.as_str())),
        });
    }
    if faults.is_empty() { Ok(bound) } else { Err(Faults(faults)) }
}

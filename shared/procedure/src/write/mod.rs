//! A procedure as text again, in either notation. Nothing of the model is lost or added: reading the text back gives the
//! same digest. Comments and the author's choice of quotes are not part of the model and are not kept.

mod markdown;
mod yaml;

use crate::model::Procedure;
use crate::source::Notation;

/// The procedure in a notation, with one layout for all: block style, the order of fields as in the file.
pub fn format(procedure: &Procedure, notation: Notation) -> String {
    match notation {
        Notation::Yaml => yaml::document(&procedure.document),
        Notation::Markdown => markdown::document(&procedure.document),
    }
}

#[cfg(test)]
mod tests;

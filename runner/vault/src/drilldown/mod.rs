//! What must be durable of a drill-down: that a request was seen, what was opened to whom, and the receipt.
//!
//! Whether a request is allowed is decided elsewhere. Here the replay row, the journal records and the intent to receipt
//! are one transaction, and nothing is decrypted before it.

mod admit;
mod confirm;
mod receipt;
mod refuse;

pub use admit::{Admitted, Spent};
pub use confirm::Confirmation;
pub use receipt::{Ending, StoredReceipt};
pub use refuse::{Fate, Refusal};

pub(crate) use receipt::{first_receipt, keep_receipt};

//! What happens next in a run, and which runs are due. Pure: `settle` tells the machine what became of a piece, `advance`
//! says what to do now; time is passed in, and nothing here touches a target, a file, a socket or the store.
//!
//! The shell around it (the agent) executes the commands and makes every outcome durable *before* it tells the machine,
//! so a run that was cut off anywhere is rebuilt from the store by [`Machine::new`] and goes on.

pub mod agenda;
mod machine;
mod needs;
pub mod people;
mod progress;
pub mod quiz;
pub mod retry;
mod words;

pub use machine::Machine;
pub use needs::{steps_needed, steps_not_needed};
pub use progress::{StepFact, StepProgress};
pub use words::{Ask, Collect, Command, Next, Plan, Restored, Settled, Slot};

//! Running inputs one after the other, so that one that hangs, panics or overflows the stack is named.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::seeds::Seed;

/// For one input, also in a debug build on a busy machine. What takes longer hangs, for whoever waits for it.
const LIMIT: Duration = Duration::from_secs(20);

/// Runs the target on every input and gives their number, or says which did harm. Inputs run on a thread of their own with the stack that
/// threads have; its name is the input's, which is what the runtime prints when a stack overflows.
pub(crate) fn within_time(target: &str, run: fn(&[u8]), inputs: impl Iterator<Item = Seed>) -> Result<usize, String> {
    let mut count = 0;
    for seed in inputs {
        let name = format!("{target}/{}", seed.name);
        let kept = seed.bytes.clone();
        let (done, finished) = mpsc::channel();
        let worker = thread::Builder::new().name(name.clone()).spawn(move || {
            run(&seed.bytes);
            // Nobody waits any more if it took too long.
            let _ = done.send(());
        });
        let worker = worker.expect("the machine gives a thread");
        match finished.recv_timeout(LIMIT) {
            Ok(()) => {}
            Err(mpsc::RecvTimeoutError::Timeout) => {
                return Err(format!("{name} is not done after {LIMIT:?}; {}", keep(&name, &kept)));
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                let _ = worker.join();
                return Err(format!("{name} does harm, see above; {}", keep(&name, &kept)));
            }
        }
        count += 1;
    }
    Ok(count)
}

/// Puts the input where it can be looked at, and from where it can be moved into the corpus.
fn keep(name: &str, bytes: &[u8]) -> String {
    let path = std::env::temp_dir().join(format!("proctor-replay-{}", name.replace(['/', ' '], "-")));
    match std::fs::write(&path, bytes) {
        Ok(()) => format!("the input is in {}", path.display()),
        Err(error) => format!("the input cannot be written to {}: {error}", path.display()),
    }
}

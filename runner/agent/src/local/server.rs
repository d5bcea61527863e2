//! The service's side: takes commands in and carries them out.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::words::{FromCaller, FromService, receive, send};
use super::{SOCKET, caller};
use crate::cli;
use crate::fail::Fail;
use crate::wiring::runner::{Runner, SOFTWARE};

/// Commands that are carried out at the same time.
const AT_ONCE: usize = 8;
/// A caller that says nothing for so long has gone.
const PATIENCE: Duration = Duration::from_secs(600);

/// The socket; it is removed with this value.
pub(crate) struct Listener(PathBuf);

/// Takes commands in from now on. What an earlier service left is replaced: it does not hold the store any more.
pub(crate) fn listen(runner: &Runner, changed: Arc<dyn Fn() + Send + Sync>) -> Result<Listener, Fail> {
    let path = runner.dir.join(SOCKET);
    let bound = bind(&path).map_err(|error| {
        let message = format_args!("{}: {error}", path.display()).to_string();
        Fail::fault("E-LOCAL-002", message, "the Runner's folder must be writable, and its path under 100 characters")
    })?;
    let runner = runner.clone();
    let serving = Arc::new(AtomicUsize::new(0));
    let work = move || {
        for stream in bound.incoming().flatten() {
            take_in(stream, &runner, &serving, &changed);
        }
    };
    let spawned = std::thread::Builder::new().name("local".to_owned()).spawn(work);
    spawned.map_err(|error| Fail::fault("E-LOCAL-002", error, "see the limit of threads"))?;
    Ok(Listener(path))
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The next service replaces it as well.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    // The folder is private already; this keeps it so where it is not.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

fn take_in(stream: UnixStream, runner: &Runner, serving: &Arc<AtomicUsize>, changed: &Arc<dyn Fn() + Send + Sync>) {
    if serving.fetch_add(1, Ordering::SeqCst) >= AT_ONCE {
        serving.fetch_sub(1, Ordering::SeqCst);
        return refuse(stream, Fail::input("E-LOCAL-004", "too many commands at once", "try again in a moment"));
    }
    let (runner, done, changed) = (runner.clone(), Arc::clone(serving), Arc::clone(changed));
    let work = move || {
        // A stream that cannot be limited would be waited for without end.
        let limits = [stream.set_read_timeout(Some(PATIENCE)), stream.set_write_timeout(Some(PATIENCE))];
        if limits.iter().all(Result::is_ok) && attend(stream, runner) {
            changed();
        }
        done.fetch_sub(1, Ordering::SeqCst);
    };
    if std::thread::Builder::new().name("command".to_owned()).spawn(work).is_err() {
        serving.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Says whether what is installed, or a run, may be another one now.
fn attend(mut stream: UnixStream, runner: Runner) -> bool {
    let (arguments, account) = match receive::<FromCaller>(&mut stream) {
        Ok(FromCaller::Command { arguments, software, account }) if software == SOFTWARE => (arguments, account),
        Ok(FromCaller::Command { software, .. }) => {
            let message = format_args!("the service is {SOFTWARE}, the command is of {software}").to_string();
            refuse(stream, Fail::input("E-LOCAL-005", message, "restart the service with the new version"));
            return false;
        }
        Ok(_) | Err(_) => return false,
    };
    let ((exit, changed), stream) = caller::serve(stream, account, || cli::carry_out(arguments, runner));
    if let Some(mut stream) = stream {
        // A caller who left before the end does not wait for it.
        let _ = send(&mut stream, &FromService::Ended { exit: exit as u8 });
    }
    changed
}

fn refuse(mut stream: UnixStream, fail: Fail) {
    let _ = send(&mut stream, &FromService::Refused { error: fail.into() });
}

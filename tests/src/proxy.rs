//! A proxy between a Runner and its control plane that cuts, holds back and counts bytes.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The faults that a proxy makes, shared with its threads.
#[derive(Default)]
struct Faults {
    /// New connections are closed at once.
    refuse: AtomicBool,
    /// Bytes are taken and not passed on.
    black_hole: AtomicBool,
    /// Every connection is cut after this many bytes in both directions together; 0 means never.
    cut_after: AtomicU64,
    /// Milliseconds that each piece is held back.
    delay_ms: AtomicU64,
    passed: AtomicU64,
    connections: AtomicU64,
    live: Mutex<Vec<TcpStream>>,
}

/// A TCP proxy to one port of this machine.
pub struct FaultProxy {
    /// Where to dial it.
    pub port: u16,
    faults: Arc<Faults>,
}

impl FaultProxy {
    /// A proxy that passes everything on.
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let faults = Arc::new(Faults::default());
        let shared = Arc::clone(&faults);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                if shared.refuse.load(Ordering::SeqCst) {
                    continue;
                }
                if let Ok(onward) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)) {
                    join(&shared, stream, onward);
                }
            }
        });
        Self { port, faults }
    }

    /// Cuts every connection that is open.
    pub fn cut(&self) {
        for stream in self.faults.live.lock().expect("no thread panics with it").drain(..) {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Closes new connections at once, or lets them in again.
    pub fn refuse(&self, refuse: bool) {
        self.faults.refuse.store(refuse, Ordering::SeqCst);
        if refuse {
            self.cut();
        }
    }

    /// Takes bytes and passes none on, or goes on; the connections stay open.
    pub fn black_hole(&self, on: bool) {
        self.faults.black_hole.store(on, Ordering::SeqCst);
    }

    /// Cuts each connection after this many bytes; 0 never.
    pub fn cut_after(&self, bytes: u64) {
        self.faults.cut_after.store(bytes, Ordering::SeqCst);
    }

    /// Holds each piece back.
    pub fn delay(&self, by: Duration) {
        self.faults.delay_ms.store(u64::try_from(by.as_millis()).unwrap_or(0), Ordering::SeqCst);
    }

    /// Bytes that passed, both directions together.
    pub fn passed(&self) -> u64 {
        self.faults.passed.load(Ordering::SeqCst)
    }

    /// Connections that came.
    pub fn connections(&self) -> u64 {
        self.faults.connections.load(Ordering::SeqCst)
    }
}

fn join(faults: &Arc<Faults>, one: TcpStream, other: TcpStream) {
    let both = (one.try_clone(), other.try_clone(), one.try_clone(), other.try_clone());
    let (Ok(one_again), Ok(other_again), Ok(one_kept), Ok(other_kept)) = both else { return };
    faults.live.lock().expect("no thread panics with it").extend([one_kept, other_kept]);
    let so_far = Arc::new(AtomicU64::new(0));
    let (there, back) = (Arc::clone(faults), Arc::clone(faults));
    let count = Arc::clone(&so_far);
    std::thread::spawn(move || pass(&there, one, other, &count));
    std::thread::spawn(move || pass(&back, other_again, one_again, &so_far));
}

fn pass(faults: &Faults, mut from: TcpStream, mut to: TcpStream, so_far: &AtomicU64) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read) = from.read(&mut buffer)
        && let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty())
    {
        if faults.black_hole.load(Ordering::SeqCst) {
            continue;
        }
        let delay = faults.delay_ms.load(Ordering::SeqCst);
        if delay > 0 {
            std::thread::sleep(Duration::from_millis(delay));
        }
        let after = faults.cut_after.load(Ordering::SeqCst);
        let count = u64::try_from(read).unwrap_or(0);
        let passed = so_far.fetch_add(count, Ordering::SeqCst) + count;
        faults.passed.fetch_add(count, Ordering::SeqCst);
        if to.write_all(piece).is_err() || (after > 0 && passed >= after) {
            break;
        }
    }
    // The other direction ends with this one; either may be closed already.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

//! Things between a Runner and its control plane: a wire that is cut, a proxy.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::address::Address;

/// Passes bytes on until its budget is used up, then cuts the connection. Each connection gets the next budget; when
/// there is none left, nothing is cut any more.
pub(super) async fn cutting(to: &Address, budgets: Vec<i64>) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
    let to = to.to_string();
    tokio::spawn(async move {
        let mut budgets = budgets.into_iter();
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(&to).await.unwrap();
            let budget = Arc::new(AtomicI64::new(budgets.next().unwrap_or(i64::MAX)));
            tokio::spawn(async move {
                let (near, far) = (near.into_split(), far.into_split());
                // The first direction to end takes the other with it: that is the cut.
                tokio::select! {
                    () = pass(near.0, far.1, &budget) => {}
                    () = pass(far.0, near.1, &budget) => {}
                }
            });
        }
    });
    address
}

/// Passes the first connection on to one address, and every later one to another.
pub(super) async fn in_turn(first: &Address, later: &Address) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
    let (mut to, later) = (first.to_string(), later.to_string());
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = TcpStream::connect(&to).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
            to.clone_from(&later);
        }
    });
    address
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, budget: &AtomicI64) {
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let left = budget.fetch_sub(read as i64, Ordering::SeqCst) - read as i64;
        if left < 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// An HTTP proxy that answers every CONNECT in one way, and remembers what it was asked.
pub(super) struct ForwardProxy {
    pub(super) address: Address,
    pub(super) asked: Arc<Mutex<Vec<String>>>,
}

impl ForwardProxy {
    /// Tunnels to `to`, whatever name it is asked for, if it likes the credentials.
    pub(super) async fn start(to: &Address, credentials: Option<&'static str>) -> Self {
        Self::answering(to, move |head| {
            let good = credentials
                .is_none_or(|wanted| head.lines().any(|line| line == format!("Proxy-Authorization: Basic {wanted}")));
            if good { "HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n" } else { DENIED }
        })
        .await
    }

    /// Gives this answer, and tunnels if it begins with a 200.
    pub(super) async fn answering(to: &Address, answer: impl Fn(&str) -> &'static str + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string().parse().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (to, log) = (to.to_string(), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let head = head(&mut near).await;
                let answer = answer(&head);
                log.lock().unwrap().push(head);
                near.write_all(answer.as_bytes()).await.unwrap();
                if answer.starts_with("HTTP/1.1 200") {
                    let mut far = TcpStream::connect(&to).await.unwrap();
                    tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
                }
            }
        });
        Self { address, asked }
    }
}

const DENIED: &str = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n";

async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

//! Several addresses behind one name: tried in turn without waiting for the slow ones (RFC 8305).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How long an attempt has for itself before the next one starts beside it (RFC 8305 §5).
const HEAD_START: Duration = Duration::from_millis(250);

/// The first stream that is established; the last error if none is.
pub(super) async fn connect(candidates: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = interleaved(candidates).into_iter().peekable();
    let mut under_way = FuturesUnordered::new();
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "there is no address to try");
    loop {
        if let Some(next) = waiting.next() {
            under_way.push(TcpStream::connect(next));
        } else if under_way.is_empty() {
            return Err(last);
        }
        tokio::select! {
            Some(ended) = under_way.next() => match ended {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            },
            () = sleep(HEAD_START), if waiting.peek().is_some() => {}
        }
    }
}

/// IPv6 and IPv4 by turns, beginning with the family that the resolver put first.
fn interleaved(candidates: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let v6_first = candidates.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|address| address.is_ipv6() == v6_first);
    let mut ordered = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        let pair = (first.next(), second.next());
        if pair == (None, None) {
            return ordered;
        }
        ordered.extend(pair.0);
        ordered.extend(pair.1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn families_take_turns() {
        let read = |text: &str| text.parse::<SocketAddr>().unwrap();
        let given = ["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1"].map(read).to_vec();
        assert_eq!(interleaved(given), ["[::1]:1", "10.0.0.1:1", "[::2]:1", "[::3]:1"].map(read));
        assert_eq!(interleaved(Vec::new()), Vec::new());
    }

    #[tokio::test]
    async fn a_dead_address_does_not_stop_a_living_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let living = listener.local_addr().unwrap();
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dead = gone.local_addr().unwrap();
        drop(gone);
        // 192.0.2.0/24 is for documentation: packets to it are lost or refused, never answered.
        let silent: SocketAddr = "192.0.2.1:9".parse().unwrap();
        let stream = connect(vec![dead, silent, living]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), living);
        assert_eq!(connect(vec![dead]).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert!(connect(Vec::new()).await.is_err());
    }
}

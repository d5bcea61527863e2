//! A server that does nothing but hold streams: mutual TLS, HTTP/2, gRPC, and a Welcome for whoever speaks. What is above
//! it is ours.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use proto::line_server::{Line, LineServer};
use rcgen::{CertificateParams, KeyPair};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

use crate::harness::Outcome;

/// The argument by which this program becomes that server.
const ARGUMENT: &str = "--bare-line";

/// The server, a process of its own so that its memory can be told from that of its clients.
pub(crate) struct Bare {
    child: Child,
    _life: ChildStdin,
    pub(crate) port: u16,
    pub(crate) authority: Vec<u8>,
}

impl Bare {
    /// Starts it; it lets in whoever has a certificate of this authority.
    pub(crate) fn start(folder: &Path, clients_pem: &str) -> Outcome<Self> {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
        std::fs::write(folder.join("clients.pem"), clients_pem)?;
        std::fs::write(folder.join("server.pem"), certificate.pem())?;
        std::fs::write(folder.join("server.key"), key.serialize_pem())?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg(ARGUMENT)
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let life = child.stdin.take().ok_or("the server has no input")?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("the server has no output")?).read_line(&mut line)?;
        let authority = certificate.pem().into_bytes();
        Ok(Self { child, _life: life, port: line.trim().parse()?, authority })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // One that is gone already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves, if that is what this process was started for.
pub(crate) fn serve_bare(arguments: &[String]) -> Option<Outcome<()>> {
    match arguments {
        [argument, folder] if argument == ARGUMENT => Some(serve(Path::new(folder))),
        _ => None,
    }
}

fn serve(folder: &Path) -> Outcome<()> {
    let read = |name: &str| std::fs::read(folder.join(name));
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(read("server.pem")?, read("server.key")?))
        .client_ca_root(Certificate::from_pem(read("clients.pem")?));
    // It ends with the process that started it.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let service = LineServer::new(Holder);
        Ok(Server::builder().tls_config(tls)?.add_service(service).serve_with_incoming(incoming).await?)
    })
}

struct Holder;

#[tonic::async_trait]
impl Line for Holder {
    type SessionStream = ReceiverStream<Result<proto::FromControlPlane, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<proto::FromRunner>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let mut from = request.into_inner();
        let (to, outgoing) = mpsc::channel(4);
        tokio::spawn(async move {
            while let Ok(Some(_)) = from.message().await {
                let welcome = proto::Welcome {
                    version: Some(proto::Version { major: 1, minor: 2 }),
                    accepted_head: vec![0; 32],
                    window: 1,
                    alive_seconds: 20,
                    now_ms: 1_795_291_896_097,
                    ..Default::default()
                };
                let message = Some(proto::from_control_plane::Message::Welcome(welcome));
                if to.send(Ok(proto::FromControlPlane { message })).await.is_err() {
                    break;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(outgoing)))
    }
}

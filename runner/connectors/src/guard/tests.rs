use super::*;

struct Fixed(Vec<IpAddr>);

impl Resolve for Fixed {
    fn resolve<'a>(&'a self, _: &'a str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

fn policy(rules: &[&str]) -> Policy {
    Policy { network: rules.iter().map(|rule| rule.parse().unwrap()).collect(), ..Policy::default() }
}

async fn judge(rules: &[&str], addresses: &[&str], host: &str, port: u16) -> Result<Admitted> {
    let resolver = Fixed(addresses.iter().map(|address| address.parse().unwrap()).collect());
    admit(&policy(rules), &resolver, host, port).await
}

#[tokio::test]
async fn a_listed_name_cannot_lead_to_the_metadata_service() {
    for address in ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254", "0.0.0.0"] {
        let fault = judge(&["api.example.net:80"], &["192.0.2.1", address], "api.example.net", 80).await.unwrap_err();
        assert_eq!(fault.code, Code::PolicyDenied, "{address}");
        assert!(!fault.transport);
    }
}

#[tokio::test]
async fn no_rule_can_allow_the_metadata_service() {
    for host in ["169.254.169.254", "::ffff:169.254.169.254", "[::ffff:a9fe:a9fe]", "100.100.100.200"] {
        let fault = judge(&["0.0.0.0/0:*", "[::]/0:*"], &[], host, 80).await.unwrap_err();
        assert!(fault.detail.contains("never connected to"), "{}", fault.detail);
    }
    for host in ["metadata.google.internal", "Metadata.Google.Internal."] {
        let fault = judge(&["metadata.google.internal:80"], &["192.0.2.1"], host, 80).await.unwrap_err();
        assert!(fault.detail.contains("never asked"), "{}", fault.detail);
    }
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_needs_its_own_rule() {
    for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        let fault = judge(&["api.example.net:80"], &[address], "api.example.net", 80).await.unwrap_err();
        assert!(fault.detail.contains("policy.network"), "{}", fault.detail);
    }
    assert!(judge(&["api.example.net:80", "127.0.0.1:80"], &["127.0.0.1"], "api.example.net", 80).await.is_ok());
    assert!(judge(&["localhost:80"], &["127.0.0.1"], "localhost", 80).await.is_ok());
}

#[tokio::test]
async fn an_unlisted_name_is_not_even_looked_up() {
    struct Never;
    impl Resolve for Never {
        fn resolve<'a>(&'a self, name: &'a str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
            panic!("{name} was looked up")
        }
    }
    let fault = admit(&policy(&["10.0.0.0/8:*"]), &Never, "secret.evil.example", 53).await.unwrap_err();
    assert_eq!(fault.code, Code::PolicyDenied);
}

#[tokio::test]
async fn what_was_judged_is_what_is_connected_to() {
    let admitted = judge(&["db.example.net:5432"], &["192.0.2.7"], "DB.example.net.", 5432).await.unwrap();
    assert_eq!(admitted.addresses, ["192.0.2.7:5432".parse().unwrap()]);
    assert_eq!(admitted.host.to_string(), "db.example.net");
}

#[tokio::test]
async fn a_closed_port_is_refused_and_the_transport_is_to_blame() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let admitted = judge(&["127.0.0.1:*"], &[], "127.0.0.1", free.port()).await.unwrap();
    let fault = connect(&admitted, Duration::from_secs(2)).await.unwrap_err();
    assert_eq!((fault.code, fault.transport), (Code::Refused, true));
}

#[tokio::test]
async fn the_system_resolver_knows_this_machine() {
    let found = SystemResolver.resolve("localhost").await.unwrap();
    assert!(found.iter().all(IpAddr::is_loopback) && !found.is_empty());
}

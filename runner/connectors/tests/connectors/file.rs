//! Files that are there, files that are not, and files that try to be something else.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Duration, Instant};
use verdict::Code;

use crate::room::Room;

const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

struct Tree {
    folder: TempDir,
}

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self { folder: tempfile::tempdir().unwrap() };
        for (name, text) in files {
            tree.write(name, text);
        }
        tree
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn room(&self) -> Room {
        Room::new().files(self.folder.path())
    }
}

fn names(value: &Value) -> Vec<&str> {
    value["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn one_file_with_facts_hash_and_content() {
    let tree = Tree::new(&[("a/hello", "hello")]);
    std::fs::set_permissions(tree.path("a/hello"), PermissionsExt::from_mode(0o4640)).unwrap();
    let arguments = json!({"path": tree.path("a/hello"), "content": "text", "hash": "sha256"});
    let value = tree.room().value("file", arguments, None).await;
    assert_eq!(value["sha256"], HELLO);
    assert_eq!(
        (&value["content"], &value["mode"], &value["size"], &value["name"], &value["exists"]),
        (&json!("hello"), &json!("4640"), &json!(5), &json!("hello"), &json!(true))
    );
    let own = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    assert_eq!(value["owner"], json!(own));
    let mtime: clock::Timestamp = value["mtime"].as_str().unwrap().parse().unwrap();
    assert!(clock::Clock::now(&clock::SystemClock::new()).since_ms(mtime) < 60_000);
}

#[tokio::test]
async fn contents_are_read_as_declared() {
    let sums = format!("{HELLO}  a/hello\n");
    let tree = Tree::new(&[("j", "{\"a\":1}"), ("y", "a: 1\n"), ("c", "a\n1\n"), ("k", "a 1\n"), ("s", &sums)]);
    for (name, content, expected) in [
        ("j", "json", json!({"a": 1})),
        ("y", "yaml", json!({"a": 1})),
        ("c", "csv", json!([{"a": "1"}])),
        ("k", "kv", json!({"a": ["1"]})),
        ("s", "sha256sums", json!([{"name": "a/hello", "sha256": HELLO}])),
    ] {
        let value = tree.room().value("file", json!({"path": tree.path(name), "content": content}), None).await;
        assert_eq!(value["content"], expected);
        let value = tree.room().value("file", json!({"glob": [tree.path(name)], "content": content}), None).await;
        assert_eq!(value["files"][0]["content"], expected);
    }
    assert_eq!(tree.room().code("file", json!({"path": tree.path("k"), "content": "json"}), None).await, Code::Parse);
}

#[tokio::test]
async fn a_missing_file_is_an_answer() {
    let tree = Tree::new(&[("file", "")]);
    for name in ["none", "none/below", "file/below"] {
        let value = tree.room().value("file", json!({"path": tree.path(name), "content": "text"}), None).await;
        let expected = json!({"exists": false, "path": tree.path(name), "name": name.rsplit('/').next()});
        assert_eq!(value, expected);
    }
    let gone = Room::new().files("/nonexistent/root");
    assert_eq!(gone.value("file", json!({"path": "/nonexistent/root/x"}), None).await["exists"], false);
}

#[tokio::test]
async fn only_allowed_roots_are_read() {
    let tree = Tree::new(&[("in/x", ""), ("out/y", "")]);
    let room = Room::new().files(tree.path("in"));
    for path in [tree.path("out/y"), tree.path("in/../out/y"), tree.path("inside"), "relative".to_owned()] {
        let failure = room.failure("file", json!({"path": path}), None).await;
        assert_eq!(failure.code, Code::PolicyDenied, "{path}");
        assert!(!failure.transport);
    }
    for glob in [tree.path("*"), tree.path("out/*"), tree.path("in/../out/*"), "/**".to_owned()] {
        assert_eq!(room.code("file", json!({"glob": [glob]}), None).await, Code::PolicyDenied);
    }
    let under = json!({"under": tree.path("in"), "path": "../out/y"});
    assert_eq!(room.code("file", under, None).await, Code::PolicyDenied);
}

#[tokio::test]
async fn links_stay_inside() {
    let tree = Tree::new(&[("in/real", "hello"), ("out/secret", "hello"), ("other/ok", "hello")]);
    symlink("real", tree.path("in/near")).unwrap();
    symlink(tree.path("in/real"), tree.path("in/absolute")).unwrap();
    symlink("../out/secret", tree.path("in/escape")).unwrap();
    symlink(tree.path("out"), tree.path("in/folder")).unwrap();
    symlink(tree.path("other/ok"), tree.path("in/elsewhere")).unwrap();
    symlink("/proc/self/root", tree.path("in/magic")).unwrap();
    symlink("loop", tree.path("in/loop")).unwrap();
    let room = Room::new().files(tree.path("in")).files(tree.path("other"));
    let arguments = |name: &str| json!({"path": tree.path(&format!("in/{name}")), "hash": "sha256"});
    for name in ["near", "absolute", "elsewhere"] {
        assert_eq!(room.value("file", arguments(name), None).await["sha256"], HELLO, "{name}");
    }
    for name in ["escape", "folder/secret", "magic/etc/passwd", "loop"] {
        let failure = room.failure("file", arguments(name), None).await;
        assert_eq!(failure.code, Code::PolicyDenied, "{name}: {failure}");
    }
    // In a list, what leads out is an error and not left out.
    assert_eq!(room.code("file", json!({"glob": [tree.path("in/e*")]}), None).await, Code::PolicyDenied);
    assert_eq!(room.code("file", json!({"glob": [tree.path("in/folder/*")]}), None).await, Code::PolicyDenied);
}

#[tokio::test]
async fn patterns_find_everything_in_order() {
    let tree = Tree::new(&[("b.conf", ""), ("a.conf", ""), ("a.txt", ""), (".hidden.conf", ""), ("d/c.conf", "")]);
    tree.write("d/e/f.conf", "");
    symlink("nowhere", tree.path("d/dangling.conf")).unwrap();
    symlink(tree.path("d"), tree.path("d/e/back")).unwrap();
    let find =
        async |glob: &[&str]| tree.room().value("file", json!({"under": tree.folder.path(), "glob": glob}), None).await;
    assert_eq!(names(&find(&["*.conf"]).await), [".hidden.conf", "a.conf", "b.conf"]);
    assert_eq!(names(&find(&["*.conf", "a.*"]).await), [".hidden.conf", "a.conf", "a.txt", "b.conf"]);
    assert_eq!(names(&find(&["**/c.conf"]).await), ["d/c.conf"]);
    assert_eq!(names(&find(&["d/**"]).await), ["d/c.conf", "d/dangling.conf", "d/e/f.conf"]);
    assert_eq!(names(&find(&["**/*"]).await).len(), 7);
    assert_eq!(names(&find(&["d/*/f.conf"]).await), ["d/e/f.conf"]);
    assert_eq!(names(&find(&["d/e/back/c.conf"]).await), ["d/e/back/c.conf"]);
    assert_eq!(names(&find(&["none/*", "none"]).await), [""; 0]);
    let dangling = find(&["d/dangling.conf"]).await;
    assert_eq!(dangling["files"][0]["exists"], false);
    let missing = json!({"under": tree.path("none"), "glob": ["*"]});
    assert_eq!(tree.room().code("file", missing, None).await, Code::NotFound);
}

#[tokio::test]
async fn the_runs_scratch_folder_is_a_root() {
    let tree = Tree::new(&[("x/orders.dump", "hello")]);
    let mut room = Room::new();
    room.scratch = Some(tree.folder.path().to_owned());
    let arguments = json!({"under": tree.folder.path(), "glob": ["**/*"], "hash": "sha256"});
    let value = room.value("file", arguments.clone(), None).await;
    assert_eq!((&value["files"][0]["name"], &value["files"][0]["sha256"]), (&json!("x/orders.dump"), &json!(HELLO)));
    room.scratch = None;
    assert_eq!(room.code("file", arguments, None).await, Code::PolicyDenied);
}

#[tokio::test]
async fn what_is_not_a_regular_file_is_never_opened() {
    let tree = Tree::new(&[]);
    nix::unistd::mkfifo(Path::new(&tree.path("fifo")), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(tree.path("socket")).unwrap();
    std::fs::create_dir(tree.path("folder")).unwrap();
    let since = Instant::now();
    for name in ["fifo", "socket", "folder"] {
        assert_eq!(tree.room().value("file", json!({"path": tree.path(name)}), None).await["exists"], true);
        for arguments in
            [json!({"path": tree.path(name), "content": "text"}), json!({"path": tree.path(name), "hash": "sha256"})]
        {
            assert_eq!(tree.room().code("file", arguments, None).await, Code::BadOutput, "{name}");
        }
    }
    assert_eq!(
        tree.room().code("file", json!({"glob": [tree.path("*")], "hash": "sha256"}), None).await,
        Code::BadOutput
    );
    let devices = Room::new().files("/dev");
    assert_eq!(devices.code("file", json!({"path": "/dev/zero", "content": "text"}), None).await, Code::BadOutput);
    assert!(since.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn what_is_too_large_is_refused_whole() {
    let tree = Tree::new(&[("small", "hello"), ("other", "hello")]);
    let sparse = std::fs::File::create(tree.path("sparse")).unwrap();
    sparse.set_len(10 << 30).unwrap();
    let since = Instant::now();
    let sparse = json!({"path": tree.path("sparse"), "content": "text"});
    assert_eq!(tree.room().code("file", sparse, None).await, Code::TooLarge);
    assert!(since.elapsed() < Duration::from_secs(1));
    // Hashing has no limit but time, and ends when nobody waits any more.
    let hash = json!({"path": tree.path("sparse"), "hash": "sha256"});
    assert_eq!(tree.room().timeout(50).code("file", hash, None).await, Code::Timeout);

    let mut room = tree.room();
    room.limits.step_bytes = 9;
    let both = json!({"glob": [tree.path("small"), tree.path("other")], "content": "text"});
    assert_eq!(room.code("file", both.clone(), None).await, Code::TooLarge);
    room.limits.step_bytes = 10;
    assert_eq!(names(&room.value("file", both, None).await), ["other", "small"]);
    room.limits.entries = 2;
    assert_eq!(room.code("file", json!({"glob": [tree.path("*")]}), None).await, Code::TooLarge);
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_truncated() {
    use std::io::Write;
    let tree = Tree::new(&[("log", "")]);
    std::fs::File::options().write(true).open(tree.path("log")).unwrap().set_len(200 << 20).unwrap();
    let path = tree.path("log");
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let writer = std::thread::spawn(move || {
        let mut file = std::fs::File::options().append(true).open(path).unwrap();
        while stopped.try_recv().is_err() {
            file.write_all(b"x").unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let arguments = json!({"path": tree.path("log"), "hash": "sha256"});
    let failure = tree.room().failure("file", arguments, None).await;
    stop.send(()).unwrap();
    writer.join().unwrap();
    assert_eq!(failure.code, Code::Truncated, "{failure}");
}

#[tokio::test]
async fn made_up_files_are_read_and_odd_names_are_not_hidden() {
    let proc = Room::new().files("/proc/sys");
    let value = proc.value("file", json!({"path": "/proc/sys/kernel/ostype", "content": "text"}), None).await;
    assert_eq!(value["content"], "Linux\n");
    let tree = Tree::new(&[("a", "")]);
    std::fs::write(tree.folder.path().join(OsString::from_vec(vec![b'b', 0xff])), "").unwrap();
    assert_eq!(tree.room().code("file", json!({"glob": [tree.path("*")]}), None).await, Code::BadOutput);
}

#[tokio::test]
async fn what_may_not_be_read_is_an_error() {
    // Root may read everything, so root has this test run again by somebody who may not.
    if nix::unistd::geteuid().is_root() {
        let name = "file::what_may_not_be_read_is_an_error";
        let mut again = std::process::Command::new("/proc/self/exe");
        let status = again.args(["--exact", name]).uid(65_534).gid(65_534).status().unwrap();
        assert!(status.success());
        return;
    }
    let tree = Tree::new(&[("closed/x", ""), ("open/x", ""), ("open/secret", "hello")]);
    std::fs::set_permissions(tree.path("closed"), PermissionsExt::from_mode(0o000)).unwrap();
    std::fs::set_permissions(tree.path("open/secret"), PermissionsExt::from_mode(0o000)).unwrap();
    let asked = [
        json!({"glob": [tree.path("*/x")]}),
        json!({"glob": [tree.path("**/*")]}),
        json!({"path": tree.path("closed/x")}),
        json!({"glob": [tree.path("open/*")], "hash": "sha256"}),
    ];
    for arguments in asked {
        let failure = tree.room().failure("file", arguments, None).await;
        assert_eq!(failure.code, Code::PermissionDenied, "{failure}");
    }
    // Facts need no right to read the content.
    assert_eq!(names(&tree.room().value("file", json!({"glob": [tree.path("open/*")]}), None).await), ["secret", "x"]);
    std::fs::set_permissions(tree.path("closed"), PermissionsExt::from_mode(0o700)).unwrap();
}

#[tokio::test]
async fn what_processes_know_is_never_shown() {
    let room = Room::new().files("/");
    let own = format!("/proc/{}/status", std::process::id());
    let parent = format!("/proc/{}/environ", std::os::unix::process::parent_id());
    for path in ["/proc/self/environ", "/proc/thread-self/environ", "/proc/self/mem", &own, &parent] {
        let failure = room.failure("file", json!({"path": path, "content": "text"}), None).await;
        assert_eq!(failure.code, Code::PolicyDenied, "{path}: {failure}");
    }
    let value = room.value("file", json!({"path": "/proc/sys/kernel/ostype", "content": "text"}), None).await;
    assert_eq!(value["content"], "Linux\n");
    let value = room.value("file", json!({"path": "/proc/1/status", "content": "kv"}), None).await;
    assert_eq!(value["content"]["Pid"], json!(["1"]));
}

#[tokio::test]
async fn arguments_are_either_path_or_glob() {
    let room = Room::new().files("/tmp");
    for arguments in [json!({}), json!({"path": "/tmp/a", "glob": ["/tmp/b"]}), json!({"path": "/tmp/a", "mode": 1})] {
        assert_eq!(room.code("file", arguments, None).await, Code::WrongType);
    }
}

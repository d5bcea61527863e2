//! Row 10: a stranger checks a proof. The whole process, from nothing to its exit code; and openings in bulk.

use std::path::{Path, PathBuf};
use std::process::Command;

use crypto::Digest;
use crypto::digest::sha256;
use proof::bundle::names;
use proof::commitment::{Commitment, Committer, ItemSecret, RowOpening, Salts};
use proof::merkle::Tree;

use crate::harness::{
    Contender, Goal, Line, Measured, Outcome, Plan, binary, contend, cost, note, program, quietly, records, rows_of,
};

/// A bundle of the fuzz targets' corpus, which the published test keys signed.
const BUNDLE: &[u8] = include_bytes!("../../fuzz/corpus/bundle/tls-endpoint.proof.zip");

const FLOOR: &str = "true";
const BARE: &str = "bare";
const GPGV: &str = "gpgv";
const OURS: &str = "ours";

pub(crate) fn measure(plan: &Plan) -> Outcome<()> {
    whole(plan)?;
    bulk(plan)
}

fn whole(plan: &Plan) -> Outcome<()> {
    let verify = binary("proctor-verify")?;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let file = |name: &str, bytes: &[u8]| -> Outcome<PathBuf> {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes)?;
        Ok(path)
    };
    let bundle = proof::bundle::read(BUNDLE)?;
    let part = |name: &str| bundle.file(name).ok_or("the bundle has no such file");
    let runner = file("runner.pem", part(names::RUNNER_KEY)?)?;
    let journal = file("journal.vkey", part(names::JOURNAL_KEY)?)?;
    let command = |path: &Path| {
        let mut command = Command::new(&verify);
        command.arg(path).arg("--runner-key").arg(&runner).arg("--journal-key").arg(&journal);
        command
    };
    let good = file("good.zip", BUNDLE)?;
    let bad: Vec<u8> =
        BUNDLE.iter().enumerate().map(|(at, byte)| if at == BUNDLE.len() / 2 { byte ^ 1 } else { *byte }).collect();
    quietly(&mut command(&file("bad.zip", &bad)?), 1)?;
    note("a changed byte is refused: exit code 1")?;
    let count = plan.pick(20, 10);
    let repeat = |run: &dyn Fn() -> Outcome<()>| {
        let (spent, ()) = cost(|| (0..count).try_for_each(|_| run()))?;
        Ok(spent.each(count))
    };
    let gpgv = Gpgv::new(folder.path(), &good)?;
    let mut contenders = vec![
        Contender::new(FLOOR, || repeat(&|| quietly(&mut Command::new("true"), 0))),
        Contender::new(OURS, || repeat(&|| quietly(&mut command(&good), 0))),
    ];
    if let Some(gpgv) = &gpgv {
        contenders.push(Contender::new(GPGV, || repeat(&|| quietly(&mut gpgv.verify(), 0))));
    }
    let measured = contend(plan, contenders)?;
    let own = (measured.wall(OURS) - measured.wall(FLOOR)) * 1e3;
    let is_void = measured.is_void;
    let whole = measured.wall(OURS) * 1e3;
    let what = "proctor-verify, process and all".to_owned();
    Line { row: "10", what, seen: whole, cpu: None, goal: Goal::AtMost(2.0), unit: " ms", is_void }.print()?;
    note(format_args!("{own:.2} ms more than a process that does nothing"))?;
    if gpgv.is_some() {
        line(&measured, "proctor-verify, of gpgv over the same file", GPGV, Goal::AtLeast(3.0))?;
    }
    Ok(())
}

/// The peer that checks one signature.
struct Gpgv {
    program: PathBuf,
    folder: PathBuf,
    signed: PathBuf,
}

impl Gpgv {
    fn new(folder: &Path, file: &Path) -> Outcome<Option<Self>> {
        let (Some(gpg), Some(program)) = (program("gpg"), program("gpgv")) else {
            note("gpg and gpgv are not installed and left out")?;
            return Ok(None);
        };
        let home = folder.join("gnupg");
        std::fs::DirBuilder::new().create(&home)?;
        std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        let gpg = |arguments: &[&str]| {
            let mut command = Command::new(&gpg);
            command.arg("--homedir").arg(&home).args([
                "--batch",
                "--quiet",
                "--pinentry-mode",
                "loopback",
                "--passphrase",
                "",
            ]);
            quietly(command.args(arguments), 0)
        };
        let (keys, signed) = (folder.join("keys.gpg"), file.to_owned());
        gpg(&["--quick-generate-key", "bench@example.org", "ed25519", "sign", "never"])?;
        gpg(&["--output", &keys.display().to_string(), "--export"])?;
        gpg(&["--detach-sign", &file.display().to_string()])?;
        // The agent that gpg started for this folder has nothing more to do.
        if let Some(gpgconf) = crate::harness::program("gpgconf") {
            quietly(Command::new(gpgconf).arg("--homedir").arg(&home).args(["--kill", "all"]), 0)?;
        }
        Ok(Some(Self { program, folder: folder.to_owned(), signed }))
    }

    fn verify(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--keyring").arg(self.folder.join("keys.gpg"));
        command.arg(format!("{}.sig", self.signed.display())).arg(&self.signed);
        command
    }
}

/// Rows of 1 KiB of an item of 65,536, each opened by itself.
fn bulk(plan: &Plan) -> Outcome<()> {
    const ROWS: usize = 65_536;
    let count = plan.pick(20_000, 5_000);
    let secret = ItemSecret::from_bytes([7; 32]);
    let rows = rows_of(&records(ROWS, 256))?;
    let mut committer = Committer::new(&secret);
    let leaves: Vec<Digest> = rows.iter().map(|row| committer.push(row)).collect();
    let commitment = committer.commitment();
    let (tree, salts) = (Tree::new(leaves), Salts::new(&secret));
    let openings = rows
        .into_iter()
        .enumerate()
        .step_by(ROWS / count)
        .map(|(at, row)| {
            let index = at as u64;
            let path = tree.inclusion_path(index).map_err(|error| error.to_string())?;
            Ok(RowOpening { index, salt: salts.of(index), row, path })
        })
        .collect::<Outcome<Vec<RowOpening>>>()?;
    let bytes: Vec<Vec<Vec<u8>>> = openings.iter().map(hashed).collect();
    let measured = contend(
        plan,
        vec![
            Contender::new(BARE, || {
                let (spent, _) = cost(|| Ok(bytes.iter().flatten().map(|message| sha256(message)).max()))?;
                Ok(spent.each(openings.len()))
            }),
            Contender::new(OURS, || {
                let (spent, ()) = cost(|| verify_all(&openings, &commitment))?;
                Ok(spent.each(openings.len()))
            }),
        ],
    )?;
    line(&measured, "openings of rows of 256 bytes, of the bare SHA-256 that each takes", BARE, Goal::None)?;
    let (seen, is_void) = (1e-3 / measured.wall(OURS), measured.is_void);
    let what = "openings verified, thousands a second on one processor".to_owned();
    Line { row: "10", what, seen, cpu: None, goal: Goal::AtLeast(100.0), unit: " k/s", is_void }.print()?;
    let mut changed = openings;
    if let Some(byte) = changed.get_mut(1).and_then(|opening| opening.row.first_mut()) {
        *byte ^= 1;
    }
    match verify_all(&changed, &commitment) {
        Ok(()) => Err("a changed row was not noticed: none of this counts".into()),
        Err(error) => note(format_args!("a changed row is refused: {error}")),
    }
}

fn verify_all(openings: &[RowOpening], commitment: &Commitment) -> Outcome<()> {
    Ok(openings.iter().try_for_each(|opening| opening.verify(commitment))?)
}

/// What must be hashed to check an opening: the leaf, and a pair for each level.
fn hashed(opening: &RowOpening) -> Vec<Vec<u8>> {
    let leaf = [&[0], opening.salt.as_bytes().as_slice(), &opening.row].concat();
    let pairs = opening.path.iter().map(|hash| [&[1], hash.as_bytes().as_slice(), hash.as_bytes()].concat());
    std::iter::once(leaf).chain(pairs).collect()
}

fn line(measured: &Measured, what: &str, other: &str, goal: Goal) -> Outcome<()> {
    let (seen, cpu) = (measured.speed(OURS, other), Some(measured.thrift(OURS, other)));
    Line { row: "10", what: what.to_owned(), seen, cpu, goal, unit: "", is_void: measured.is_void }.print()
}

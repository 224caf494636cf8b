//! Power cuts: what a disk may hold at any instant between two system calls, computed from what a process asked of it. What
//! was synced is there; of everything after it any sectors of 512 bytes, and of the names in the directory any beginning.
//! `tests/rigs/powercut.py` does the same under a real ext4, as root; this is quicker and needs strace alone.

use super::sealer::{Ack, With, acks, fresh, lost, sealer};
use super::{SEED, ready_again};
use crate::support::program;
use crate::support::random::{Random, chosen};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const CASES: u64 = 60;
const SECTOR: usize = 512;

/// What a process asked of the directory, in its order.
#[derive(Debug, Clone)]
enum Op {
    /// Makes the name, perhaps, and cuts its file, perhaps.
    Open {
        name: String,
        fd: u64,
        create: bool,
        cut: bool,
    },
    Write {
        fd: u64,
        at: Option<usize>,
        bytes: Vec<u8>,
    },
    Cut {
        fd: u64,
        size: usize,
    },
    Sync {
        fd: u64,
    },
    Rename {
        from: String,
        to: String,
    },
    Unlink {
        name: String,
    },
    Acknowledged(Ack),
}

/// A change of a file that no sync has followed.
#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Cut(usize),
}

/// What may become of the names.
#[derive(Debug, Clone)]
enum Naming {
    Set(String, usize),
    Gone(String),
}

#[derive(Debug, Default, Clone)]
struct Disk {
    /// Contents by file: what is durable, and what has come after.
    files: Vec<(Vec<u8>, Vec<Change>)>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    namings: Vec<Naming>,
    /// File and position by descriptor; the directory has none.
    open: HashMap<u64, (Option<usize>, usize)>,
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Cut(size) => bytes.resize(*size, 0),
        Change::Write(at, written) => {
            bytes.resize(bytes.len().max(at + written.len()), 0);
            bytes[*at..at + written.len()].copy_from_slice(written);
        }
    }
}

impl Disk {
    fn holding(dir: &Path) -> Self {
        let mut disk = Self::default();
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            disk.names.insert(entry.file_name().into_string().unwrap(), disk.files.len());
            disk.files.push((fs::read(entry.path()).unwrap(), Vec::new()));
        }
        disk.durable_names = disk.names.clone();
        disk
    }

    fn change(&mut self, fd: u64, change: Change) {
        let file = self.open[&fd].0.expect("a file");
        self.files[file].1.push(change);
    }

    fn take(&mut self, op: &Op, syncs: bool) {
        match op {
            Op::Open { name, fd, create, cut } => {
                if *create && !self.names.contains_key(name) {
                    self.names.insert(name.clone(), self.files.len());
                    self.namings.push(Naming::Set(name.clone(), self.files.len()));
                    self.files.push(Default::default());
                }
                self.open.insert(*fd, (self.names.get(name).copied(), 0));
                if *cut {
                    self.change(*fd, Change::Cut(0));
                }
            }
            Op::Write { fd, at, bytes } => {
                let from = at.unwrap_or(self.open[fd].1);
                if at.is_none() {
                    self.open.get_mut(fd).unwrap().1 += bytes.len();
                }
                self.change(*fd, Change::Write(from, bytes.clone()));
            }
            Op::Cut { fd, size } => self.change(*fd, Change::Cut(*size)),
            Op::Sync { .. } if !syncs => {}
            Op::Sync { fd } => match self.open[fd].0 {
                Some(file) => {
                    let (durable, changes) = &mut self.files[file];
                    changes.drain(..).for_each(|change| apply(durable, &change));
                }
                None => {
                    self.durable_names = self.names.clone();
                    self.namings.clear();
                }
            },
            Op::Rename { from, to } => {
                let file = self.names.remove(from).unwrap();
                self.names.insert(to.clone(), file);
                self.namings.extend([Naming::Set(to.clone(), file), Naming::Gone(from.clone())]);
            }
            Op::Unlink { name } => {
                self.names.remove(name);
                self.namings.push(Naming::Gone(name.clone()));
            }
            Op::Acknowledged(_) => {}
        }
    }

    /// Writes into `dir` what there may be after a power cut now.
    fn cut(&self, random: &mut Random, dir: &Path) {
        let mut names = self.durable_names.clone();
        let kept = usize::try_from(random.below(self.namings.len() as u64 + 1)).unwrap();
        for naming in &self.namings[..kept] {
            match naming {
                Naming::Set(name, file) => names.insert(name.clone(), *file),
                Naming::Gone(name) => names.remove(name),
            };
        }
        // Of ten sectors so many.
        let share = random.pick(&[0, 1, 5, 9, 10]);
        let _ = fs::remove_dir_all(dir);
        fs::create_dir(dir).unwrap();
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).unwrap();
        for (name, file) in names.iter().filter(|(name, _)| !name.ends_with("-shm")) {
            let (mut bytes, changes) = (self.files[*file].0.clone(), &self.files[*file].1);
            for change in changes {
                match change {
                    Change::Write(at, written) => {
                        let mut from = 0;
                        while from < written.len() {
                            let to = written.len().min(from + SECTOR - (at + from) % SECTOR);
                            if random.below(10) < share {
                                apply(&mut bytes, &Change::Write(at + from, written[from..to].to_vec()));
                            }
                            from = to;
                        }
                    }
                    Change::Cut(_) if random.below(10) < share => apply(&mut bytes, change),
                    Change::Cut(_) => {}
                }
            }
            let path = dir.join(name);
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

/// The bytes of strace's `\x2f\x74`.
fn plain(text: &str) -> Vec<u8> {
    hex::decode(text.replace("\\x", "")).unwrap_or_else(|error| panic!("{error} in {text:.60}"))
}

/// What strace saw, where lines of several threads lie between each other.
fn ops(log: &str, dir: &Path) -> Vec<Op> {
    let (mut begun, mut ops) = (HashMap::new(), Vec::new());
    for line in log.lines() {
        let (thread, line) = line.split_once(' ').unwrap();
        let line = line.trim_start();
        let whole = if let Some(start) = line.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, start);
            continue;
        } else if line.starts_with("<... ") {
            let end = line.split_once("resumed>").unwrap().1;
            format!("{}{end}", begun.remove(thread).unwrap())
        } else {
            line.to_owned()
        };
        ops.extend(op(&whole, dir));
    }
    ops
}

fn op(line: &str, dir: &Path) -> Vec<Op> {
    let (name, rest) = line.split_once('(').unwrap_or_else(|| panic!("{line:.80}"));
    let (args, result) = rest.rsplit_once(") = ").or_else(|| rest.rsplit_once(" = ")).unwrap();
    if result.starts_with('-') {
        return Vec::new();
    }
    let args: Vec<&str> = args.trim_end().trim_end_matches(')').split(", ").collect();
    let number = |text: &str| text.split('<').next().unwrap().trim().parse::<u64>().unwrap();
    let path = |text: &str| PathBuf::from(String::from_utf8(plain(text.trim_matches('"'))).unwrap());
    let file = |text: &str| path(text).strip_prefix(dir).ok().map(|name| name.to_str().unwrap().to_owned());
    // What a descriptor is of.
    let of = |text: &str| path(text.split_once('<').unwrap().1.trim_end_matches('>'));
    let size = |text: &str| usize::try_from(number(text)).unwrap();
    let outside = |fd: &str| !of(fd).starts_with(dir);
    match name {
        "openat" => match file(args[1]) {
            Some(name) => {
                let (create, cut) = (args[2].contains("O_CREAT"), args[2].contains("O_TRUNC"));
                vec![Op::Open { name, fd: number(result), create, cut }]
            }
            None => Vec::new(),
        },
        "write" if of(args[0]).ends_with("acknowledged") => {
            let text = String::from_utf8(plain(args[1].trim_matches('"'))).unwrap();
            acks(&text).into_iter().map(Op::Acknowledged).collect()
        }
        _ if matches!(name, "write" | "pwrite64" | "ftruncate" | "fsync" | "fdatasync") && outside(args[0]) => {
            Vec::new()
        }
        "write" => vec![Op::Write { fd: number(args[0]), at: None, bytes: plain(args[1].trim_matches('"')) }],
        "pwrite64" => {
            let bytes = plain(args[1].trim_matches('"'));
            vec![Op::Write { fd: number(args[0]), at: Some(size(args[3])), bytes }]
        }
        "ftruncate" => vec![Op::Cut { fd: number(args[0]), size: size(args[1]) }],
        "fsync" | "fdatasync" => vec![Op::Sync { fd: number(args[0]) }],
        "rename" => vec![Op::Rename { from: file(args[0]).unwrap(), to: file(args[1]).unwrap() }],
        "unlink" => file(args[0]).map(|name| Op::Unlink { name }).into_iter().collect(),
        other => panic!("{other} is not understood: {line:.80}"),
    }
}

/// Seals under strace: the directory before, and what was asked of it.
fn recorded(home: &Path) -> (Disk, Vec<Op>) {
    let (state, log, said) = (home.join("state"), home.join("log"), home.join("acknowledged"));
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
    fresh(&state);
    let before = Disk::holding(&state);
    let mut act = sealer(&state);
    act.units(50);
    let mut command = Command::new(program("strace"));
    let calls = "trace=openat,write,pwrite64,fsync,fdatasync,ftruncate,rename,unlink";
    command.args(["-f", "-qq", "-y", "-xx", "-s", "1000000", "-e", "signal=none", "-e", calls, "-o"]).arg(&log);
    let names = ["", "ledger.sqlite", "ledger.sqlite-wal", "checkpoint", "checkpoint.next", "lock", "log.vkey"];
    for path in names.iter().map(|name| state.join(name)).chain([state.clone(), said.clone()]) {
        command.arg("-P").arg(path);
    }
    command.arg(act.get_program()).args(act.get_args()).stdout(fs::File::create(&said).unwrap());
    command.envs(act.get_envs().filter_map(|(name, value)| Some((name, value?))));
    assert!(command.status().unwrap().success());
    let ops = ops(&fs::read_to_string(log).unwrap(), &state);
    let acknowledged = ops.iter().filter(|op| matches!(op, Op::Acknowledged(_))).count();
    assert_eq!(acknowledged, 50, "the log was not understood");
    (before, ops)
}

/// Cuts the power at random instants; how often something acknowledged was lost.
fn cuts(home: &Path, seed: u64, cases: u64, syncs: bool) -> u64 {
    let (before, ops) = recorded(home);
    let (mut random, image) = (Random(seed), home.join("image"));
    let mut bad = 0;
    for case in 0..cases {
        let at = usize::try_from(random.below(ops.len() as u64)).unwrap();
        let mut disk = before.clone();
        ops[..at].iter().for_each(|op| disk.take(op, syncs));
        disk.cut(&mut random, &image);
        let said = ops[..at].iter().filter_map(|op| match op {
            Op::Acknowledged(ack) => Some(*ack),
            _ => None,
        });
        let said: Vec<Ack> = said.collect();
        let missing = lost(&image, &said);
        bad += u64::from(missing > 0);
        if syncs {
            assert_eq!(missing, 0, "seed {seed}, image {case}: after {at} calls, of {} acknowledged", said.len());
            ready_again(&image);
        }
    }
    println!(
        "crash: seed {seed}, {cases} images of {} calls, syncs {syncs}, images with lost records {bad}",
        ops.len()
    );
    bad
}

#[test]
fn nothing_acknowledged_is_lost_when_the_power_is_cut() {
    let home = tempfile::tempdir().unwrap();
    let seed = chosen("EVIDENCED_SEED", SEED);
    assert_eq!(cuts(home.path(), seed, chosen("EVIDENCED_CASES", CASES), true), 0);
}

#[test]
fn a_disk_that_does_not_sync_loses_what_was_acknowledged() {
    let home = tempfile::tempdir().unwrap();
    assert!(cuts(home.path(), SEED, 12, false) > 0, "the rig does not find what is lost");
}

#[test]
fn when_everything_was_synced_an_image_is_what_the_file_system_has() {
    let home = tempfile::tempdir().unwrap();
    let (before, ops) = recorded(home.path());
    let mut disk = before;
    ops.iter().for_each(|op| disk.take(op, true));
    disk.cut(&mut Random(SEED), &home.path().join("image"));
    for name in ["ledger.sqlite", "checkpoint"] {
        let at = |dir: &str| fs::read(home.path().join(dir).join(name)).unwrap();
        assert!(at("state") == at("image"), "{name} is another one");
    }
}

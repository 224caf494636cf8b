//! What export and verify cost beside tools that do less with the same bytes: `zip` and `sha256sum`.
//!
//! `cargo bench --bench bundle [-- RECORDS...]`; needs zip, unzip and coreutils. Goals: export at most 1.5
//! times `zip` plus `sha256sum` of the unpacked files; verify at most 1.3 times `unzip` plus `sha256sum -c`, which is what
//! somebody does who has a ZIP and wants no more than the hashes; less than 64 MiB of memory, whatever the number of
//! records. Each step is a process of its own, for its memory.
//!
//! `sha256sum -c` over files that lie there unpacked is shown too. That verify is not near: with 10,000 records (42,541
//! files) it takes four times as long, a quarter of it for inflating, the rest for what is checked besides.

use chrono::{DateTime, TimeDelta, Utc};
use evidenced::bundle::{ExportRequest, VerifyOptions, export, verify};
use evidenced::config::parse;
use evidenced::judge::{Judgement, Outcome, Verdict, VerdictOutcome};
use evidenced::ledger::record::{Body, Changed, End, Occasion, Status, Trigger, canonical_json};
use evidenced::ledger::{Create, Ledger, NewFile, NewRecord, Reader};
use evidenced::run_file::{POPULATION, RUN, RunFile};
use evidenced_collectors::contract::{Items, Population, Restores, Task, Whole, Window};
use evidenced_collectors::door::{ExchangeHead, Limits, RecordedRequest, RecordedResponse, RequestBody};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Runs that are sealed at once.
const UNIT_RUNS: u64 = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["export", dir, records] => step(|| write(Path::new(dir), records.parse()?)),
        ["verify", dir] => step(|| read(Path::new(dir))),
        [] => compare(&[10_000, 100_000]),
        _ => compare(&args.iter().map(|arg| arg.parse()).collect::<Result<Vec<u64>, _>>()?),
    }
}

fn begin() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn compare(sizes: &[u64]) -> Result<(), Box<dyn Error>> {
    println!("seconds of processor time, and in brackets of the clock; MiB of memory at most");
    println!("zip+sum and sum -c: the same files; ratios are of processor time, and in brackets of the clock");
    for records in sizes {
        let dir = tempfile::tempdir()?;
        let bytes = seal(&dir.path().join("state"), *records)?;
        let (export, export_memory) = child(dir.path(), &["export", &records.to_string()])?;
        let (verify, verify_memory) = child(dir.path(), &["verify"])?;
        let at = |command: &str| shell(dir.path(), command);
        let unzip = at("unzip -q bundle.zip -d unpacked")?;
        at("mv unpacked/* bag")?;
        let zip = at("zip -q -r -X packed.zip bag")?;
        let sum = at("find bag -type f -print0 | xargs -0 sha256sum > sums")?;
        let check = at("cd bag && sha256sum --quiet -c tagmanifest-sha256.txt manifest-sha256.txt")?;
        let whole = at("sha256sum bundle.zip > /dev/null")?;
        let files = std::fs::read_to_string(dir.path().join("sums"))?.lines().count();
        println!("{records} records, {files} files, {:.1} MiB", bytes as f64 / 1_048_576.0);
        let both = Took { processor: zip.processor + sum.processor, clock: zip.clock + sum.clock };
        println!("  export {export} {} MiB, zip+sum {both}: {}", export_memory / 1024, export.beside(&both));
        let both = Took { processor: unzip.processor + check.processor, clock: unzip.clock + check.clock };
        println!("  verify {verify} {} MiB, unzip+sum -c {both}: {}", verify_memory / 1024, verify.beside(&both));
        println!("  sum -c of what is unpacked already {check}: {}", verify.beside(&check));
        println!("  sha256sum of the archive {whole}");
    }
    Ok(())
}

/// How long something took, in seconds.
struct Took {
    processor: f64,
    clock: f64,
}

impl Took {
    fn beside(&self, other: &Self) -> String {
        format!("{:.2} times ({:.2})", self.processor / other.processor, self.clock / other.clock)
    }
}

impl std::fmt::Display for Took {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} ({:.2})", self.processor, self.clock)
    }
}

/// Seconds of processor time of all child processes that have ended.
fn of_children() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // What comes after the name of the program: of children, user and system time are the 14th and 15th, in
    // hundredths.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |at: usize| fields.get(at).ok_or("no times of children")?.parse::<f64>().map_err(Box::<dyn Error>::from);
    Ok((ticks(13)? + ticks(14)?) / 100.0)
}

fn took<T>(run: impl FnOnce() -> Result<T, Box<dyn Error>>) -> Result<(Took, T), Box<dyn Error>> {
    let (before, start) = (of_children()?, Instant::now());
    let value = run()?;
    Ok((Took { clock: start.elapsed().as_secs_f64(), processor: of_children()? - before }, value))
}

/// Runs this program again for one step. Returns what it took and its peak memory in KiB.
fn child(dir: &Path, args: &[&str]) -> Result<(Took, u64), Box<dyn Error>> {
    took(|| {
        let output = Command::new(std::env::current_exe()?).arg(args[0]).arg(dir).args(&args[1..]).output()?;
        let memory = String::from_utf8(output.stdout)?;
        Ok(memory.trim().parse().map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())?)
    })
}

fn shell(dir: &Path, command: &str) -> Result<Took, Box<dyn Error>> {
    let run = || {
        let status = Command::new("sh").args(["-ec", command]).current_dir(dir).status()?;
        if status.success() { Ok(()) } else { Err(format!("{command}: {status}").into()) }
    };
    Ok(took(run)?.0)
}

/// Does it and says the process's peak memory.
fn step(work: impl FnOnce() -> Result<(), Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    work()?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    println!("{}", peak.ok_or("no VmHWM")?);
    Ok(())
}

fn write(dir: &Path, records: u64) -> Result<(), Box<dyn Error>> {
    let reader = Reader::open(&dir.join("state"))?;
    let period = Window { start: begin(), end: begin() + TimeDelta::seconds(i64::try_from(records)?) };
    let out = dir.join("bundle.zip");
    let key = &Ledger::open(&dir.join("state"))?.bundle_key()?;
    export(&reader, &ExportRequest { sample: true, ..ExportRequest::whole(period, &out, "bench", key) })?;
    Ok(())
}

fn read(dir: &Path) -> Result<(), Box<dyn Error>> {
    let report = verify(&dir.join("bundle.zip"), &VerifyOptions::default())?;
    if report.ok() { Ok(()) } else { Err(format!("{:?}", report.findings().next()).into()) }
}

/// Seals runs of four records each: opened, evidence of four files, a verdict of two, closed. Returns the bytes
/// of the files.
fn seal(dir: &Path, records: u64) -> Result<usize, Box<dyn Error>> {
    let create =
        Create { organization: "bench".into(), origin: "bench.example.com/soc2".into(), sample: true, at: begin() };
    let ledger = Ledger::create(dir, create)?;
    ledger.append_blocking(vec![configured()?])?;
    let first = ledger.reader()?.size()?;
    let (runs, mut bytes) = (records / 4, 0);
    for unit in 0..runs.div_ceil(UNIT_RUNS) {
        let numbers = unit * UNIT_RUNS..runs.min((unit + 1) * UNIT_RUNS);
        let mut group = Vec::new();
        for number in numbers {
            group.extend(run(number, first)?);
        }
        bytes += group.iter().flat_map(|record| &record.files).map(|file| file.bytes.len()).sum::<usize>();
        ledger.append_blocking(group)?;
    }
    let at = begin() + TimeDelta::seconds(i64::try_from(runs)?);
    ledger.append_blocking(vec![NewRecord { at, body: Body::summary(), files: Vec::new() }])?;
    Ok(bytes)
}

/// The configuration that the runs are under.
fn configured() -> Result<NewRecord, Box<dyn Error>> {
    let config = parse(
        Path::new("evidenced.toml"),
        "organization = 'bench'\norigin = 'bench.example.com/soc2'\nstate_dir = 'state'\n\
         [collectors.bench]\nkind = 'backup_restores'\nschedule = '0 0 1 1 *'\n\
         [collectors.bench.settings]\ndirectory = '/var/log/restores'\nstores = [{ name = 'db' }]\n\
         [controls.SEC-001]\ntitle = 't'\ncriteria = ['A1.3']\nowner = 'o'\nseverity = 'high'\n\
         collectors = ['bench']\ntest = 'restore_test'\nstale_after = '400d'\n",
    )?
    .config;
    let body = Body::Config {
        sha256: config.sha256()?,
        controls: BTreeMap::from([("SEC-001".into(), vec!["bench".into()])]),
        by: "bench".into(),
        changed: Changed::default(),
    };
    Ok(NewRecord { at: begin(), body, files: vec![NewFile::json("config.json", canonical_json(&config)?)] })
}

fn run(number: u64, first: u64) -> Result<[NewRecord; 4], Box<dyn Error>> {
    let at = begin() + TimeDelta::seconds(i64::try_from(number)?);
    let (run, collector, window) = (format!("{number:032x}"), "bench".to_owned(), Window { start: at, end: at });
    let opened = Body::RunOpened {
        run: run.clone(),
        collector: collector.clone(),
        seq: 0,
        trigger: Trigger::Manual,
        scheduled_for: None,
        window,
    };
    let evidence = Body::Evidence {
        run: run.clone(),
        collector: collector.clone(),
        seq: number + 1,
        status: Status::Complete,
        observed: 0,
        controls: vec!["SEC-001".into()],
        window,
    };
    let run_file = RunFile {
        collector: collector.clone(),
        kind: "backup_restores".into(),
        kind_version: 1,
        settings: json!({ "directory": "/var/log/restores" }),
        limits: Limits::default(),
        task: Task { window, carry: None },
        as_of: at,
        tool: "evidenced bench".into(),
    };
    let ipe = serde_json::from_value(json!({
        "source": "bench", "hosts": [], "api_version": null, "identity": [], "scopes": [], "as_of": at,
        "collected_at": at, "clock_skew_ms": null, "requests": [], "scope_claimed": [], "scope_found": [],
        "filters": [], "limitations": [], "reconciliations": [],
    }))?;
    let nothing = Items::Restores(Restores { stores: Vec::new(), tests: Vec::new() });
    let population = Population::new(nothing, vec![Whole::last_page("tests", 1)], ipe, None)?;
    let body = rows(number, 30);
    let response = RecordedResponse {
        status: 200,
        headers: vec![("etag".into(), format!("\"{number:064x}\"")), ("x-request-id".into(), run.clone())],
        size: body.len() as u64,
        sha256: hex::encode(Sha256::digest(&body)),
        struck: Vec::new(),
    };
    let request = RecordedRequest {
        source: "bench".into(),
        method: "GET".into(),
        url: format!("https://bench.example.com/activity?page={number}&per_page=100"),
        headers: vec![("accept".into(), "application/json".into())],
        body: RequestBody::Empty,
    };
    let head = ExchangeHead { number: 1, request, sent_at: at, received_at: at, response: Ok(response) };
    let files = vec![
        NewFile::json(RUN, canonical_json(&run_file)?),
        NewFile::json(POPULATION, canonical_json(&population)?),
        NewFile::json("exchanges/0000.json", canonical_json(&head)?),
        NewFile::json("exchanges/0000.body", body),
    ];
    let (judged, verdict) = judged(number, first, &run, at)?;
    let closed = Body::RunClosed { run, collector, end: End::Done };
    let record = |body, files| NewRecord { at, body, files };
    Ok([record(opened, Vec::new()), record(evidence, files), record(judged, verdict), record(closed, Vec::new())])
}

/// The verdict over the evidence of a run.
fn judged(number: u64, first: u64, run: &str, at: DateTime<Utc>) -> Result<(Body, Vec<NewFile>), Box<dyn Error>> {
    let judgement = |item: u64| Judgement {
        item: format!("store-{item}"),
        outcome: Outcome::Pass,
        reason: "restored-and-validated".into(),
        seen: format!("restored and validated in time, run {number}"),
    };
    let judgements: Vec<Judgement> = (0..3).map(judgement).collect();
    let counts = BTreeMap::from([(Outcome::Pass, 3)]);
    let verdict = Verdict { outcome: VerdictOutcome::Pass, counts: counts.clone(), judgements, unread: Vec::new() };
    let judged = Body::Verdict {
        occasion: Occasion::Run { run: run.to_owned() },
        control: "SEC-001".into(),
        rules: "restore_test/1".into(),
        as_of: at,
        outcome: VerdictOutcome::Pass,
        counts,
        evidence: vec![first + number * 4 + 1],
        waivers: Vec::new(),
    };
    let verdict = vec![
        NewFile::json("judgements.json", canonical_json(&verdict)?),
        NewFile::json("policy.json", canonical_json(&json!({}))?),
    ];
    Ok((judged, verdict))
}

/// Rows as an activity log has them: the hashes differ, the rest repeats.
fn rows(seed: u64, count: u64) -> Vec<u8> {
    let mut state = seed + 1;
    let mut hash = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{state:016x}{:016x}", state.rotate_left(17))
    };
    let rows: Vec<_> = (0..count)
        .map(|row| json!({ "id": seed * 1_000 + row, "before": hash(), "after": hash(), "ref": "refs/heads/main", "actor": "someone" }))
        .collect();
    serde_json::Value::Array(rows).to_string().into_bytes()
}

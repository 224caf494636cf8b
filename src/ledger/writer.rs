//! The handle for appending, and the one thread of a process that does it: it takes whatever waits and
//! seals it as one group, for a sync to disk costs more than everything else together.

use super::layout::{CollectorLock, JudgingLock, Layout};
use super::places::KeyPlaces;
use super::prepare::{NewRecord, Prepared, prepare, random, write_down};
use super::record::{Body, Continues, KeyChange, KeyRole, RECORD_VERSION, Record};
use super::seal::{GroupError, Sealed, Sealer};
use super::{LedgerError, Reader, store};
use chrono::{DateTime, Utc};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Most units in one group.
const GROUP_UNITS_MAX: usize = 512;
/// Stored bytes from which on a group takes no further unit.
const GROUP_BYTES_MAX: usize = 4 << 20;
/// Units that may wait; whoever comes then waits outside.
const WAITING_MAX: usize = 1_024;

/// What a new ledger is told about itself.
#[derive(Debug, Clone)]
pub struct Create {
    /// Whose it is.
    pub organization: String,
    /// Name of the log and of its key, `evidence.example.com/soc2`.
    pub origin: String,
    /// A sample with a simulated clock: no evidence of anything.
    pub sample: bool,
    /// Now.
    pub at: DateTime<Utc>,
}

/// A ledger that this process may append to. Clones share one writer thread; it ends, and the file is
/// closed, when the last of them is dropped.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
}

struct Shared {
    layout: Layout,
    places: KeyPlaces,
    // Both are there until `drop` takes them.
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// A unit, and whoever waits for it.
struct Job {
    unit: Vec<Prepared>,
    answer: oneshot::Sender<Result<Vec<Sealed>, LedgerError>>,
}

impl Ledger {
    /// `create_with` keys in the state directory.
    pub fn create(dir: &Path, create: Create) -> Result<Self, LedgerError> {
        Self::create_with(dir, create, &KeyPlaces::default())
    }

    /// Makes a ledger in `dir` (made with mode 0700 when it is not there): keys, the first two records
    /// (`epoch`, and the `key` of bundles), first checkpoint. Refuses when anything of a ledger is there.
    /// A daemon never calls this; `init` does. A key that is not kept in a file must be in its place before.
    pub fn create_with(dir: &Path, create: Create, places: &KeyPlaces) -> Result<Self, LedgerError> {
        Self::make(dir, create, None, places)
    }

    /// Makes a ledger that goes on from another log, which its first record names. `epoch` calls this.
    pub fn continue_with(
        dir: &Path,
        create: Create,
        continues: Continues,
        places: &KeyPlaces,
    ) -> Result<Self, LedgerError> {
        Self::make(dir, create, Some(continues), places)
    }

    fn make(dir: &Path, create: Create, continues: Option<Continues>, places: &KeyPlaces) -> Result<Self, LedgerError> {
        let layout = Layout::create(dir)?;
        let key = places.first_log_key(&layout, &create.origin)?;
        let public = places.first_bundle_key(&layout)?.public_line().map_err(LedgerError::note(dir))?;
        layout.write_new(&layout.public_key(), format!("{}\n", key.public()).as_bytes())?;
        layout.write_new(&layout.bundle_public_key(), format!("{public}\n").as_bytes())?;
        layout.write_new(&layout.database(), &[])?;
        let epoch = Body::Epoch {
            origin: create.origin,
            organization: create.organization,
            sample: create.sample,
            nonce: hex::encode(random()?),
            continues,
        };
        let key_record = Body::Key { role: KeyRole::Bundle, key: public, change: KeyChange::Added };
        let first =
            [epoch, key_record].into_iter().map(|body| first_record(create.at, body)).collect::<Result<_, _>>()?;
        Sealer::begin(layout.clone(), places.clone(), store::create(&layout.database())?, key, first)?;
        require_wal_header(&layout)?;
        layout.sync_dir()?;
        Self::open_with(dir, places)
    }

    /// `open_with` keys in the state directory.
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        Self::open_with(dir, &KeyPlaces::default())
    }

    /// Opens the ledger in `dir` for appending, after checking that it is whole as far as its newest
    /// checkpoint tells. Creates nothing; makes good what a crash kept from being written.
    pub fn open_with(dir: &Path, places: &KeyPlaces) -> Result<Self, LedgerError> {
        let (layout, places) = (Layout::open(dir)?, places.clone());
        let sealer = Sealer::open(layout.clone(), places.clone())?;
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let thread = std::thread::Builder::new()
            .name("ledger".into())
            .spawn(move || write(sealer, waiting))
            .map_err(LedgerError::io("starting the writer of", layout.dir()))?;
        Ok(Self { shared: Arc::new(Shared { layout, places, queue: Some(queue), thread: Some(thread) }) })
    }

    /// Seals the records as one unit: all or none, next to each other, in order. Returns when they are
    /// durable, under a signed checkpoint, and that checkpoint is in the second file. Once the
    /// records are in the queue they are sealed even when the future is dropped.
    ///
    /// Errors: `Refused`, `SlotTaken`, `AlertTaken`, `Full` and `Busy` wrote nothing; after `Stopped` nothing more can
    /// be appended, and the process should end.
    pub async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Sealed>, LedgerError> {
        // Hashing and compressing is work for a processor, and not for the thread that all wait for.
        let unit = tokio::task::spawn_blocking(|| prepare(records)).await.map_err(|_| gone())??;
        let (answer, waiting) = oneshot::channel();
        let Some(queue) = &self.shared.queue else { return Err(gone()) };
        queue.send(Job { unit, answer }).await.map_err(|_| gone())?;
        waiting.await.map_err(|_| gone())?
    }

    /// `append` for code that is not asynchronous. Panics inside of a tokio runtime.
    pub fn append_blocking(&self, records: Vec<NewRecord>) -> Result<Vec<Sealed>, LedgerError> {
        let unit = prepare(records)?;
        let (answer, waiting) = oneshot::channel();
        let Some(queue) = &self.shared.queue else { return Err(gone()) };
        queue.blocking_send(Job { unit, answer }).map_err(|_| gone())?;
        waiting.blocking_recv().map_err(|_| gone())?
    }

    /// Another connection for reading.
    pub fn reader(&self) -> Result<Reader, LedgerError> {
        Reader::open(self.shared.layout.dir())
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        self.shared.layout.dir()
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.shared.layout
    }

    pub(super) fn places(&self) -> &KeyPlaces {
        &self.shared.places
    }

    /// Waits until nobody else judges, here or in another process. Each state follows from the one before
    /// it: who judges holds this from reading the one to appending the other.
    pub async fn lock_judging(&self) -> Result<JudgingLock, LedgerError> {
        let layout = self.shared.layout.clone();
        tokio::task::spawn_blocking(move || layout.lock_judging()).await.map_err(|_| gone())?
    }

    /// Takes the collector for one run, so that it never overlaps itself, across processes too; `None`
    /// when it is running.
    pub fn lock_collector(&self, collector: &str) -> Result<Option<CollectorLock>, LedgerError> {
        self.shared.layout.lock_collector(collector)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Closing the queue ends the thread once it has sealed what waits.
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has answered nobody; there is nothing left to do about it here.
            let _ = thread.join();
        }
    }
}

/// 32 random bytes for a key.
/// One of the records that a log begins with. They have no files.
fn first_record(at: DateTime<Utc>, body: Body) -> Result<Prepared, LedgerError> {
    let record = Record { v: RECORD_VERSION, at, commit: None, body };
    Ok(Prepared { written: write_down(&record)?, record, files: Vec::new(), salt: None })
}

/// The thread: takes what waits, seals it, answers. After a failure that leaves the disk uncertain it
/// only answers, with that failure; a failed sync is never tried again.
fn write(mut sealer: Sealer, mut waiting: mpsc::Receiver<Job>) {
    let mut stopped = None;
    while let Some(job) = waiting.blocking_recv() {
        let (mut answers, mut units, mut bytes) = (Vec::new(), Vec::new(), 0);
        let mut next = Some(job);
        while let Some(job) = next {
            bytes += job.unit.iter().map(Prepared::stored).sum::<usize>();
            let ended = job.unit.iter().any(Prepared::ends_group);
            units.push(job.unit);
            answers.push(job.answer);
            let room = !ended && units.len() < GROUP_UNITS_MAX && bytes < GROUP_BYTES_MAX;
            next = if room { waiting.try_recv().ok() } else { None };
        }
        let sealed = match &stopped {
            None => sealer.seal(units),
            Some(why) => Err(GroupError::Stop(String::clone(why))),
        };
        match sealed {
            Ok(sealed) => {
                answers.into_iter().zip(sealed).for_each(|(to, sealed)| answer(to, sealed));
                if let Err(GroupError::Stop(why)) = sealer.fold() {
                    stopped = Some(why);
                }
            }
            Err(error) => {
                if let GroupError::Stop(why) = &error {
                    stopped = Some(why.clone());
                }
                answers.into_iter().for_each(|to| answer(to, Err(error.clone().into())));
            }
        }
    }
}

fn answer(to: oneshot::Sender<Result<Vec<Sealed>, LedgerError>>, sealed: Result<Vec<Sealed>, LedgerError>) {
    // Whoever asked may have gone away; what was sealed stays sealed.
    let _ = to.send(sealed);
}

fn gone() -> LedgerError {
    LedgerError::Stopped { why: "its writer has ended".into() }
}

/// The file's own word that it is in WAL mode. Only for a file that nobody else has open: closing any
/// descriptor of it drops the locks that SQLite holds on it in this process.
fn require_wal_header(layout: &Layout) -> Result<(), LedgerError> {
    let path = layout.database();
    let header = std::fs::read(&path).map_err(LedgerError::io("reading", &path))?;
    if header.get(18..20) == Some(&[2, 2]) {
        return Ok(());
    }
    Err(LedgerError::Unsafe {
        why: "a new ledger did not come out in WAL mode".into(),
        hint: "look at the disk and its file system; remove what `evidenced init` left, and try again",
    })
}

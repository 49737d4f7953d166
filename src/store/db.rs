//! The one database file: reads on blocking threads, writes through one thread that shares commits.
//!
//! A write is answered after its commit reached the disk. Writes that wait while a commit runs share the
//! next one, so that a hundred writers cost a few disk flushes instead of a hundred.
//!
//! After a write that the disk refused, redb takes no more until it was opened anew. So it is closed then, and
//! whoever needs it next opens it: a server whose disk was full for a while needs no restart. As long as it cannot be
//! opened, it is read from a copy in memory, and each write tries again.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use redb::{Database, Durability, ReadTransaction, ReadableDatabase, WriteTransaction};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::error::StoreError;
use super::{frozen, open};

/// Writes that may wait. Beyond it callers wait for a place, which slows them to the disk's pace.
const WRITES_WAITING_MAX: usize = 256;

/// Writes that share one commit at most, so that the first of them is not kept waiting for long.
const WRITES_PER_COMMIT_MAX: usize = 64;

/// Reads at a time. Each takes microseconds and a thread; a thousand peers that come back at once must not have the
/// system make hundreds of threads for them.
const READS_AT_ONCE: usize = 16;

/// Why a transaction's step went wrong.
#[derive(Debug)]
pub(super) enum Fault {
    /// The caller's request does not fit what is stored. The step wrote nothing.
    Refused(StoreError),
    /// The engine failed, or a row cannot be read. The whole transaction is dropped.
    Broken(String),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(error) => error,
            Fault::Broken(cause) => Self::Failed(cause),
        }
    }
}

macro_rules! broken_from {
    ($($error:ty),*) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::Broken(error.to_string())
            }
        }
    )*};
}
broken_from!(
    redb::DatabaseError,
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::SetDurabilityError,
    serde_json::Error
);

/// Told once the commit's outcome is known.
type Tell = Box<dyn FnOnce(Result<(), &str>) + Send>;
/// One write, done in the transaction if there is one: a cause to drop the transaction, and whom to tell of the commit.
type Write = Box<dyn FnOnce(Option<&WriteTransaction>) -> (Option<String>, Tell) + Send>;

/// The open database. Dropping it waits for the write that is under way.
pub(super) struct Db {
    shelf: Arc<Shelf>,
    reads: Semaphore,
    writes: Option<mpsc::Sender<Write>>,
    writer: Option<JoinHandle<()>>,
}

/// What a database has done since it was opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Commits that reached the disk.
    pub commits: u64,
    /// Writes that shared them.
    pub writes: u64,
    /// Commits that failed.
    pub failures: u64,
}

/// Where the database stands while it is open.
struct Shelf {
    path: PathBuf,
    counts: Mutex<Counts>,
    /// Commits tried so far. Whoever has been told of one finds it counted.
    tried: AtomicU64,
    /// `None` after a failed write. Held on blocking threads alone; written only to open and to close.
    database: RwLock<Option<Open>>,
}

/// The database, or a copy of it.
struct Open {
    database: Database,
    /// The disk takes no writes, and these are of memory.
    frozen: bool,
}

impl Shelf {
    /// Reads with the database, or with a copy of it while its disk takes nothing.
    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, Fault>) -> Result<T, Fault> {
        self.with_open(|open| work(&open.database))
    }

    /// Writes with the database. Never with a copy: it would take them, and nothing keeps it.
    fn with_file<T>(&self, work: impl FnOnce(&Database) -> Result<T, Fault>) -> Result<T, Fault> {
        self.thaw()?;
        self.with_open(|open| {
            if open.frozen {
                return Err(Fault::Broken("the database's disk takes no writes".to_owned()));
            }
            work(&open.database)
        })
    }

    /// Does `work` with what is open, opening it if nothing is.
    fn with_open<T>(&self, work: impl FnOnce(&Open) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        if database.is_none() {
            drop(database);
            self.open()?;
            database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        }
        work(database.as_ref().ok_or_else(|| Fault::Broken("the database failed again at once".to_owned()))?)
    }

    /// Makes sure that what is written goes to the disk.
    fn thaw(&self) -> Result<(), Fault> {
        let mut open = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().is_some_and(|open| open.frozen) {
            let database = open::database(&self.path)?;
            *open = Some(Open { database, frozen: false });
            tracing::info!("the database takes writes again");
        }
        Ok(())
    }

    fn open(&self) -> Result<(), Fault> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody may have been faster.
        if database.is_none() {
            *database = Some(match open::database(&self.path) {
                Ok(database) => {
                    tracing::info!("the database was opened anew");
                    Open { database, frozen: false }
                }
                Err(error) => {
                    let copy = frozen::open(&self.path).map_err(|cause| Fault::Broken(format!("{error}; {cause}")))?;
                    tracing::error!(%error, "the database takes no writes; it is read as it was");
                    Open { database: copy, frozen: true }
                }
            });
        }
        Ok(())
    }

    fn count(&self, writes: usize, committed: bool) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if committed {
            counts.commits += 1;
            counts.writes += writes as u64;
        } else {
            counts.failures += 1;
        }
    }

    fn close(&self) {
        let mut open = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // A copy in memory has not failed: it is what there is as long as the disk takes nothing.
        open.take_if(|open| !open.frozen);
    }
}

impl Db {
    pub(super) fn new(path: PathBuf, database: Database) -> std::io::Result<Self> {
        let shelf = Arc::new(Shelf {
            path,
            counts: Mutex::default(),
            tried: AtomicU64::new(0),
            database: RwLock::new(Some(Open { database, frozen: false })),
        });
        let (writes, waiting) = mpsc::channel(WRITES_WAITING_MAX);
        let writer = {
            let shelf = Arc::clone(&shelf);
            std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || write_all(&shelf, waiting))?
        };
        let reads = Semaphore::new(READS_AT_ONCE);
        Ok(Self { shelf, reads, writes: Some(writes), writer: Some(writer) })
    }

    pub(super) fn counts(&self) -> Counts {
        *self.shelf.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often what is stored may have changed. Read before a look, it tells later whether what was seen may be another.
    pub(super) fn changes(&self) -> u64 {
        self.shelf.tried.load(Ordering::SeqCst)
    }

    pub(super) fn file_bytes(&self) -> u64 {
        std::fs::metadata(&self.shelf.path).map_or(0, |facts| facts.len())
    }

    /// Runs `look` on a blocking thread, over one consistent state.
    pub(super) async fn read<T, F>(&self, look: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&ReadTransaction) -> Result<T, Fault> + Send + 'static,
    {
        let shelf = Arc::clone(&self.shelf);
        // Never closed, so there is always a place after a while.
        let _place = self.reads.acquire().await;
        let looked =
            tokio::task::spawn_blocking(move || shelf.with(|database| look(&ReadableDatabase::begin_read(database)?)));
        match looked.await {
            Ok(result) => result.map_err(StoreError::from),
            Err(stopped) => Err(StoreError::Failed(stopped.to_string())),
        }
    }

    /// Runs `change` in a transaction and answers once it is on disk.
    ///
    /// `change` may share its transaction with others: it decides before it writes, so that a refusal
    /// leaves nothing behind.
    pub(super) async fn write<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&WriteTransaction) -> Result<T, Fault> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let write: Write = Box::new(move |transaction| {
            let result = match transaction {
                Some(transaction) => change(transaction),
                None => Err(Fault::Broken("no transaction was begun".to_owned())),
            };
            let broken = match &result {
                Err(Fault::Broken(cause)) => Some(cause.clone()),
                _ => None,
            };
            let tell: Tell = Box::new(move |committed| {
                let result = match committed {
                    Ok(()) => result.map_err(StoreError::from),
                    Err(cause) => Err(StoreError::Failed(cause.to_owned())),
                };
                // Nobody waits any more when the request was given up; the write stands all the same.
                let _ = answer.send(result);
            });
            (broken, tell)
        });
        let stopped = || StoreError::Failed("the store's writer has stopped".to_owned());
        let writes = self.writes.as_ref().ok_or_else(stopped)?;
        writes.send(write).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        self.writes = None;
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has nothing left to finish.
            let _ = writer.join();
        }
    }
}

fn write_all(shelf: &Shelf, mut waiting: mpsc::Receiver<Write>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < WRITES_PER_COMMIT_MAX
            && let Ok(next) = waiting.try_recv()
        {
            batch.push(next);
        }
        let mut told = Vec::with_capacity(batch.len());
        let outcome = commit(shelf, batch, &mut told);
        shelf.count(told.len(), outcome.is_ok());
        shelf.tried.fetch_add(1, Ordering::SeqCst);
        if let Err(cause) = &outcome {
            tracing::error!(%cause, writes = told.len(), "writes failed");
            shelf.close();
        }
        for tell in told {
            tell(match &outcome {
                Ok(()) => Ok(()),
                Err(cause) => Err(cause),
            });
        }
    }
}

fn commit(shelf: &Shelf, mut batch: Vec<Write>, told: &mut Vec<Tell>) -> Result<(), String> {
    let committed = shelf.with_file(|database| {
        let begun = begin(database);
        let mut broken = None;
        for write in batch.drain(..) {
            let (cause, tell) = write(begun.as_ref().ok());
            told.push(tell);
            broken = broken.or(cause);
        }
        let transaction = begun?;
        match broken {
            // Dropping the transaction takes back what the others of the batch wrote; they are told so.
            Some(cause) => Err(Fault::Broken(cause)),
            None => Ok(transaction.commit()?),
        }
    });
    // Those of a database that could not even be opened are told so too.
    told.extend(batch.into_iter().map(|write| write(None).1));
    committed.map_err(|fault| match fault {
        Fault::Broken(cause) => cause,
        Fault::Refused(error) => error.to_string(),
    })
}

fn begin(database: &Database) -> Result<WriteTransaction, Fault> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    Ok(transaction)
}

//! The one database file: reads on blocking threads, writes through one thread that shares commits.
//!
//! A write is answered after its commit reached the disk. Writes that wait while a commit runs share the
//! next one, so that a hundred writers cost a few disk flushes instead of a hundred.

use std::sync::Arc;
use std::thread::JoinHandle;

use redb::{Database, Durability, ReadTransaction, WriteTransaction};
use tokio::sync::{mpsc, oneshot};

use super::error::StoreError;

/// Writes that may wait. Beyond it callers wait for a place, which slows them to the disk's pace.
const WRITES_WAITING_MAX: usize = 256;

/// Writes that share one commit at most, so that the first of them is not kept waiting for long.
const WRITES_PER_COMMIT_MAX: usize = 64;

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
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::SetDurabilityError,
    serde_json::Error
);

/// Told once the commit's outcome is known.
type Tell = Box<dyn FnOnce(Result<(), &str>) + Send>;
/// One write: either its cause to drop the transaction, or whom to tell of the commit.
type Write = Box<dyn FnOnce(&WriteTransaction) -> (Option<String>, Tell) + Send>;

/// The open database. Dropping it waits for the write that is under way.
pub(super) struct Db {
    database: Arc<Database>,
    writes: Option<mpsc::Sender<Write>>,
    writer: Option<JoinHandle<()>>,
}

impl Db {
    pub(super) fn new(database: Database) -> std::io::Result<Self> {
        let database = Arc::new(database);
        let (writes, waiting) = mpsc::channel(WRITES_WAITING_MAX);
        let writer = {
            let database = Arc::clone(&database);
            std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || write_all(&database, waiting))?
        };
        Ok(Self { database, writes: Some(writes), writer: Some(writer) })
    }

    /// Runs `look` on a blocking thread, over one consistent state.
    pub(super) async fn read<T, F>(&self, look: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&ReadTransaction) -> Result<T, Fault> + Send + 'static,
    {
        let database = Arc::clone(&self.database);
        let looked = tokio::task::spawn_blocking(move || {
            let transaction = redb::ReadableDatabase::begin_read(&*database)?;
            look(&transaction)
        });
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
            let result = change(transaction);
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

fn write_all(database: &Database, mut waiting: mpsc::Receiver<Write>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < WRITES_PER_COMMIT_MAX
            && let Ok(next) = waiting.try_recv()
        {
            batch.push(next);
        }
        let mut told = Vec::with_capacity(batch.len());
        let outcome = commit(database, batch, &mut told).map_err(|fault| match fault {
            Fault::Broken(cause) => cause,
            Fault::Refused(error) => error.to_string(),
        });
        if let Err(cause) = &outcome {
            tracing::error!(%cause, writes = told.len(), "writes failed");
        }
        for tell in told {
            tell(match &outcome {
                Ok(()) => Ok(()),
                Err(cause) => Err(cause),
            });
        }
    }
}

fn commit(database: &Database, batch: Vec<Write>, told: &mut Vec<Tell>) -> Result<(), Fault> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    let mut broken = None;
    for write in batch {
        let (cause, tell) = write(&transaction);
        told.push(tell);
        broken = broken.or(cause);
    }
    match broken {
        // Dropping the transaction takes back what the others of the batch wrote; they are told so.
        Some(cause) => Err(Fault::Broken(cause)),
        None => Ok(transaction.commit()?),
    }
}

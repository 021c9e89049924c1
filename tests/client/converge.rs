//! Readers that apply what they are told show what the database holds: the real client, the real
//! server on a real file, and a line between them that breaks at random, while rows are written.
//!
//! `PROPTEST_CASES` sets the number of cases.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rest_live::Limits;
use rest_live_client::{ConnectionState, Rows};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::*;
use crate::support::{LiveSqlite, SCHEMA, tasks};

#[derive(Debug, Clone)]
enum Step {
    /// Puts a task into a list, or out of both.
    Write(i32, Option<i32>),
    /// Many at once.
    WriteAll(i32),
    /// After it nobody knows what has changed.
    Unknown,
    Cut,
    /// Cuts once so many bytes more have come.
    CutAfter(usize),
    /// The server is another, on the same file.
    Restart,
    Reconnect,
    /// The readers stop to read, or go on.
    Pause(bool),
    /// So many microseconds for the others to get somewhere, or not.
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (1..8i32, prop::option::weighted(0.8, 1..3i32)).prop_map(|(id, list)| Step::Write(id, list)),
        3 => (1..3i32).prop_map(Step::WriteAll),
        1 => Just(Step::Unknown),
        3 => Just(Step::Cut),
        4 => (0..2_000usize).prop_map(Step::CutAfter),
        1 => Just(Step::Restart),
        4 => Just(Step::Reconnect),
        4 => any::<bool>().prop_map(Step::Pause),
        8 => (0..3_000u64).prop_map(Step::Wait),
    ]
}

#[derive(Debug, Clone)]
struct Case {
    buffer_bytes: usize,
    log_changes: usize,
    queue_bytes: usize,
    steps: Vec<Step>,
}

fn case() -> impl Strategy<Value = Case> {
    (
        prop_oneof![1..4_000usize, Just(1024 * 1024)],
        prop_oneof![0..20usize, Just(100_000)],
        prop_oneof![400..4_000usize, Just(1024 * 1024)],
        prop::collection::vec(step(), 1..60),
    )
        .prop_map(|(buffer_bytes, log_changes, queue_bytes, steps)| Case {
            buffer_bytes,
            log_changes,
            queue_bytes,
            steps,
        })
}

/// One life of the server.
struct Server {
    live: Live<User>,
    conn: LiveSqlite,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start(url: &str, case: &Case) -> Self {
        let manager = ConnectionManager::<SqliteConnection>::new(url);
        let pool = Pool::builder()
            .max_size(2)
            .min_idle(Some(0))
            .build(manager)
            .unwrap();
        let limits = Limits {
            log_changes: case.log_changes,
            queue_bytes: case.queue_bytes,
            snapshot_part_bytes: 100,
            ..Limits::default()
        };
        let builder = Live::<User>::builder()
            .authenticate(by_bearer)
            .limits(limits);
        let builder = builder.model::<Task>().model::<List>();
        let live = builder
            .snapshots::<Task>(SqliteSnapshots::new(pool))
            .build()
            .unwrap();
        let conn = LiveConnection::new(open(url), &live).unwrap();
        let (listener, address) = socket::listen().await;
        let serving = tokio::spawn(rest_live::serve(listener, live.clone()));
        Self {
            live,
            conn,
            address,
            serving,
        }
    }
}

struct Run {
    url: String,
    case: Case,
    server: Server,
    line: Line,
    client: Client,
    readers: Vec<Reader>,
    paused: watch::Sender<bool>,
    stamp: usize,
}

/// Reads all the time, in a task of its own, and shows what it knows.
struct Reader {
    list: i32,
    shown: watch::Receiver<Option<BTreeMap<i32, String>>>,
    reading: JoinHandle<()>,
}

impl Reader {
    /// One that reads the rows as over HTTP, and one that has them with the subscription.
    fn pair(client: &Client, list: i32, url: &str, paused: &watch::Sender<bool>) -> [Self; 2] {
        let group = || Task::group().list_id(list);
        let plain = client.subscribe(group());
        let with_snapshot = client.subscribe(group().with_snapshot());
        [
            Self::new(list, plain, Some(url.to_owned()), paused.subscribe()),
            Self::new(list, with_snapshot, None, paused.subscribe()),
        ]
    }

    fn new(
        list: i32,
        mut events: Subscription<Task>,
        url: Option<String>,
        mut paused: watch::Receiver<bool>,
    ) -> Self {
        let (show, shown) = watch::channel(None);
        let reading = tokio::spawn(async move {
            let mut rows = Rows::by(|task: &Task| task.id);
            let mut conn = url.map(|url| open(&url));
            while paused.wait_for(|is_paused| !is_paused).await.is_ok()
                && let Some(event) = events.next().await
            {
                rows.apply(event);
                if let Some(conn) = &mut conn
                    && rows.must_read()
                {
                    rows.replace(read(conn, list));
                }
                let texts = rows
                    .iter()
                    .map(|task| (task.id, task.text.clone()))
                    .collect();
                show.send_replace(rows.is_current().then_some(texts));
            }
        });
        Self {
            list,
            shown,
            reading,
        }
    }
}

fn open(url: &str) -> SqliteConnection {
    let mut conn = SqliteConnection::establish(url).unwrap();
    conn.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA synchronous = OFF")
        .unwrap();
    conn
}

fn read(conn: &mut SqliteConnection, list: i32) -> Vec<Task> {
    let tasks = tasks::table.filter(tasks::list_id.eq(list));
    tasks.select(Task::as_select()).load(conn).unwrap()
}

impl Run {
    async fn new(case: Case, directory: &TempDir) -> Self {
        let url = path(directory);
        let wal = "PRAGMA journal_mode = WAL;".to_owned();
        open(&url).batch_execute(&(wal + SCHEMA)).unwrap();
        let server = Server::start(&url, &case).await;
        let line = Line::to(server.address).await;
        let builder = Client::builder(line.url()).buffer_bytes(case.buffer_bytes);
        let ann = builder.bearer(|| async { Ok::<_, Error>("ann".to_owned()) });
        let client = ann.build().unwrap();
        let (paused, _) = watch::channel(false);
        let pairs = [1, 2].map(|list| Reader::pair(&client, list, &url, &paused));
        Self {
            url,
            case,
            server,
            line,
            client,
            readers: pairs.into_iter().flatten().collect(),
            paused,
            stamp: 0,
        }
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Write(id, list) => self.write(id, list),
            Step::WriteAll(list) => {
                let text = self.text();
                let set = (tasks::list_id.eq(list), tasks::text.eq(text));
                diesel::update(tasks::table)
                    .set(set)
                    .execute(&mut self.server.conn)
                    .unwrap();
            }
            Step::Unknown => {
                let text = self.text();
                let mut sql = format!("UPDATE tasks SET text = '{text}';");
                sql +=
                    "ALTER TABLE tasks ADD COLUMN more TEXT; ALTER TABLE tasks DROP COLUMN more;";
                self.server.conn.batch_execute(&sql).unwrap();
            }
            Step::Cut => self.line.cut(),
            Step::CutAfter(bytes) => self.line.cut_after(bytes),
            Step::Restart => self.restart().await,
            Step::Reconnect => self.client.reconnect(),
            Step::Pause(is_paused) => drop(self.paused.send_replace(is_paused)),
            Step::Wait(time) => tokio::time::sleep(Duration::from_micros(time)).await,
        }
    }

    fn text(&mut self) -> String {
        self.stamp += 1;
        format!("text {}", self.stamp)
    }

    fn write(&mut self, id: i32, list: Option<i32>) {
        let text = self.text();
        let conn = &mut self.server.conn;
        let Some(list) = list else {
            diesel::delete(tasks::table.find(id)).execute(conn).unwrap();
            return;
        };
        let set = (
            tasks::id.eq(id),
            tasks::list_id.eq(list),
            tasks::text.eq(text),
        );
        let insert = diesel::insert_into(tasks::table).values(set.clone());
        let upsert = insert
            .on_conflict(tasks::id)
            .do_update()
            .set((set.1, set.2));
        upsert.execute(conn).unwrap();
    }

    async fn restart(&mut self) {
        self.line.down();
        self.server.serving.abort();
        self.server = Server::start(&self.url, &self.case).await;
        self.line.lead_to(self.server.address);
    }

    /// Waits until all show what there is; gives who does not.
    async fn rest(&mut self) -> Result<(), String> {
        let mut conn = open(&self.url);
        self.paused.send_replace(false);
        self.line.cut_after(usize::MAX);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        for reader in &mut self.readers {
            let there: BTreeMap<_, _> = read(&mut conn, reader.list)
                .into_iter()
                .map(|task| (task.id, task.text))
                .collect();
            while reader.shown.borrow_and_update().as_ref() != Some(&there) {
                if tokio::time::Instant::now() > deadline {
                    let shown = reader.shown.borrow().clone();
                    return Err(format!("list {}: {shown:?} is not {there:?}", reader.list));
                }
                // The waits between the tries are not what is tested here.
                if self.client.state() == ConnectionState::Waiting {
                    self.client.reconnect();
                }
                drop(tokio::time::timeout(Duration::from_millis(20), reader.shown.changed()).await);
            }
        }
        Ok(())
    }
}

async fn run(case: Case) -> Result<(), String> {
    let directory = TempDir::new().unwrap();
    let mut run = Run::new(case.clone(), &directory).await;
    for step in &case.steps {
        run.step(step).await;
    }
    run.rest().await?;
    run.readers.iter().for_each(|reader| reader.reading.abort());
    drop(run.client);
    within(run.server.live.shutdown(Duration::ZERO)).await;
    Ok(())
}

#[test]
fn readers_come_to_what_the_database_holds() {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    let config = ProptestConfig {
        cases: cases.unwrap_or(40),
        max_shrink_iters: 10,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let runtime = Runtime::new().unwrap();
    let result = TestRunner::new(config).run(&case(), |case| {
        let outcome = runtime.block_on(run(case));
        outcome.map_err(TestCaseError::fail)
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

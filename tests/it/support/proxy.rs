//! A bad network on loopback: a proxy between two ends of TCP that delays, throttles, swallows, half-closes and cuts.
//!
//! TCP promises both ends that bytes come in order and once, and so does the proxy. What a bad network does to them is
//! to let them wait, for how long nobody knows, or to end the connection. Each direction of each connection has its
//! [`Rule`]; connections that come later have the proxy's own. Nothing here is left to chance: what happens when is the
//! caller's choice.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// What the proxy holds of one direction, in bytes: what would be under way in a long cable.
const UNDER_WAY_BYTES_MAX: usize = 256 * 1024;

/// What happens to bytes in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// They pass.
    Pass,
    /// They vanish into a black hole as far as either end can tell. Once another rule holds they come out, in order.
    Hold,
    /// They arrive this much later.
    Delay(Duration),
    /// So many pass in a second.
    Throttle(u64),
    /// The direction has ended, as if the sender had shut it down; the other one goes on. There is no way back.
    Close,
}

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From whoever connected to the server.
    Up,
    /// Back.
    Down,
}

/// The proxy. Dropping it breaks every connection through it.
pub struct Proxy {
    /// Where to connect.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    target: SocketAddr,
    rules: [watch::Sender<Rule>; 2],
    connections: Mutex<Vec<Weak<Connection>>>,
}

/// One connection through the proxy.
pub struct Connection {
    rules: [watch::Sender<Rule>; 2],
    cut: watch::Sender<bool>,
}

impl Connection {
    /// What happens from now on in one direction.
    pub fn set(&self, way: Way, rule: Rule) {
        self.rules[way as usize].send_replace(rule);
    }

    /// Breaks it: both ends are told at once, and what was under way is lost.
    pub fn cut(&self) {
        self.cut.send_replace(true);
    }
}

impl Proxy {
    /// In front of `target`, which need not listen yet.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let rules = [(); 2].map(|()| watch::Sender::new(Rule::Pass));
        let shared = Arc::new(Shared { target, rules, connections: Mutex::default() });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, accepting }
    }

    /// What happens from now on, both ways, on every connection there is and to come.
    pub fn set(&self, rule: Rule) {
        self.set_new(rule);
        self.set_open(rule);
    }

    /// What happens on the connections there are. Those to come are not concerned: the old ones are half-open.
    pub fn set_open(&self, rule: Rule) {
        for connection in self.connections() {
            connection.set(Way::Up, rule);
            connection.set(Way::Down, rule);
        }
    }

    /// What happens on connections to come.
    pub fn set_new(&self, rule: Rule) {
        self.shared.rules.iter().for_each(|sender| _ = sender.send_replace(rule));
    }

    /// Breaks every connection.
    pub fn cut(&self) {
        self.connections().iter().for_each(|connection| connection.cut());
    }

    /// The connections there are, oldest first.
    pub fn connections(&self) -> Vec<Arc<Connection>> {
        self.shared.connections.lock().unwrap().iter().filter_map(Weak::upgrade).collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((near, _)) = listener.accept().await {
        let rules = [0, 1].map(|way: usize| watch::Sender::new(*shared.rules[way].borrow()));
        let connection = Arc::new(Connection { rules, cut: watch::Sender::new(false) });
        let mut connections = shared.connections.lock().unwrap();
        connections.retain(|known| known.strong_count() > 0);
        connections.push(Arc::downgrade(&connection));
        drop(connections);
        let target = shared.target;
        tokio::spawn(async move {
            let mut cut = connection.cut.subscribe();
            tokio::select! {
                _ = carry(near, target, &connection) => {}
                _ = cut.wait_for(|cut| *cut) => {}
            }
        });
    }
}

/// Carries both directions to their ends. Cancelled, it leaves both ends with a reset.
async fn carry(near: TcpStream, target: SocketAddr, connection: &Connection) -> io::Result<()> {
    let mut held = connection.rules[Way::Up as usize].subscribe();
    // A network that is away answers nobody.
    let _ = held.wait_for(|rule| *rule != Rule::Hold).await;
    reset_when_dropped(&near)?;
    let far = TcpStream::connect(target).await?;
    reset_when_dropped(&far)?;
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    let [up, down] = [Way::Up, Way::Down].map(|way| connection.rules[way as usize].subscribe());
    tokio::try_join!(pump(near_read, far_write, up), pump(far_read, near_write, down))?;
    Ok(())
}

fn reset_when_dropped(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO))?;
    Ok(())
}

/// Carries one direction to its end.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut rule: watch::Receiver<Rule>) -> io::Result<()> {
    let mut under_way: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    let (mut bytes, mut ended) = (0, false);
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let now_rule = *rule.borrow_and_update();
        if now_rule == Rule::Close || ended && under_way.is_empty() {
            return to.shutdown().await;
        }
        let moves = now_rule != Rule::Hold;
        let due = under_way.front().map(|(due, _)| *due).filter(|_| moves);
        tokio::select! {
            biased;
            changed = rule.changed() => if changed.is_err() { return Ok(()) },
            () = at(due) => {
                let Some((_, piece)) = under_way.pop_front() else { continue };
                bytes -= piece.len();
                to.write_all(&piece).await?;
            }
            read = from.read(&mut buffer), if moves && !ended && bytes < UNDER_WAY_BYTES_MAX => {
                let piece = buffer[..read?].to_vec();
                ended = piece.is_empty();
                bytes += piece.len();
                let now = Instant::now();
                let last = under_way.back().map_or(now, |(due, _)| *due);
                let due = match now_rule {
                    Rule::Delay(by) => (now + by).max(last),
                    Rule::Throttle(rate) => last.max(now) + Duration::from_nanos(piece.len() as u64 * 1_000_000_000 / rate),
                    Rule::Pass | Rule::Hold | Rule::Close => last,
                };
                if !ended {
                    under_way.push_back((due, piece));
                }
            }
        }
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

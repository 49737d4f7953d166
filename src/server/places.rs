//! Places for connections: so many in all, so many of one address, and how often one address may come. Time is handed in.
//!
//! The files a process may have open are what runs out first. Whatever is accepted here leaves some of them for the
//! database, the log and a word to whoever is refused; and no address can take the places of all others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::auth::client::network;

/// Connections at a time, HTTP and sockets: ten thousand agents, and the pages that watch them.
const PLACES_MAX: usize = 16_384;

/// Files that are not connections: database, log, lock, certificates, listeners, and connections that are refused.
const FILES_KEPT: u64 = 96 + 2 * FEW as u64;

/// Connections at a time to a listener of this machine's own.
const FEW: usize = 32;

/// Connections of one address at a time, as a share of all: an office behind one address has hundreds, nobody has all.
const SHARE_OF_ADDRESS: usize = 4;

/// Connections that one address may make at once: an office whose pages and agents all come back after a restart.
const ATTEMPTS_AT_ONCE: u32 = 2_000;

/// One more after each of these: 20 in a second for as long as it likes.
const ATTEMPT_EVERY: Duration = Duration::from_millis(50);

/// Addresses remembered. Those with open connections are never more than the places.
const ADDRESSES_MAX: usize = 2 * PLACES_MAX;

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    /// Addresses that are not one peer: proxies that are trusted, and this machine, where one may be unnamed.
    proxies: Vec<IpAddr>,
    max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, Address>,
}

#[derive(Debug)]
struct Address {
    open: usize,
    /// When its last attempt would have come, had they come evenly.
    even_at: Instant,
}

/// A place, for as long as it is held.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    address: Option<IpAddr>,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// The server has none left.
    Full,
    /// This address has its share.
    Share,
    /// This address comes too often; when it may come again.
    TooOften(Duration),
}

impl Places {
    /// As many as the open files allow. `proxies` count in all, not by address.
    pub(super) fn new(open_files: Option<u64>, proxies: Vec<IpAddr>) -> Arc<Self> {
        let files = open_files
            .map_or(PLACES_MAX, |files| usize::try_from(files.saturating_sub(FILES_KEPT)).unwrap_or(PLACES_MAX).max(8));
        Arc::new(Self { proxies, max: files.min(PLACES_MAX), taken: Mutex::default() })
    }

    /// For a listener that only this machine reaches.
    pub(super) fn few() -> Arc<Self> {
        Arc::new(Self { proxies: Vec::new(), max: FEW, taken: Mutex::default() })
    }

    /// A place for a connection from `peer`.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr, now: Instant) -> Result<Place, NoPlace> {
        let mut taken = self.taken();
        if taken.all >= self.max {
            return Err(NoPlace::Full);
        }
        let address = self.counted(peer);
        if let Some(address) = address {
            let share = (self.max / SHARE_OF_ADDRESS).max(1);
            let open = taken.by_address.get(&address).map_or(0, |of| of.open);
            if open >= share {
                return Err(NoPlace::Share);
            }
            taken.attempt(address, now)?.open += 1;
        }
        taken.all += 1;
        Ok(Place { places: Arc::clone(self), address })
    }

    /// Whether a client may open a socket that came through a proxy: its connections are the proxy's, its attempts are not.
    pub(super) fn knock(&self, peer: IpAddr, client: IpAddr, now: Instant) -> Result<(), NoPlace> {
        match self.counted(client) {
            Some(address) if peer.to_canonical() != client => self.taken().attempt(address, now).map(drop),
            _ => Ok(()),
        }
    }

    fn counted(&self, address: IpAddr) -> Option<IpAddr> {
        let address = address.to_canonical();
        (!address.is_loopback() && !self.proxies.contains(&address)).then(|| network(address))
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn attempt(&mut self, address: IpAddr, now: Instant) -> Result<&mut Address, NoPlace> {
        self.make_room(address, now);
        let of = self.by_address.entry(address).or_insert(Address { open: 0, even_at: now });
        let even_at = of.even_at.max(now) + ATTEMPT_EVERY;
        let ahead = even_at.duration_since(now);
        if let Some(wait) = ahead.checked_sub(ATTEMPT_EVERY * ATTEMPTS_AT_ONCE).filter(|wait| !wait.is_zero()) {
            return Err(NoPlace::TooOften(wait));
        }
        of.even_at = even_at;
        Ok(of)
    }

    fn make_room(&mut self, address: IpAddr, now: Instant) {
        if self.by_address.len() < ADDRESSES_MAX || self.by_address.contains_key(&address) {
            return;
        }
        self.by_address.retain(|_, of| of.open > 0 || of.even_at > now);
        let idle = self.by_address.iter().filter(|(_, of)| of.open == 0);
        if self.by_address.len() >= ADDRESSES_MAX
            && let Some(oldest) = idle.min_by_key(|(_, of)| of.even_at).map(|(address, _)| *address)
        {
            self.by_address.remove(&oldest);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        if let Some(of) = self.address.and_then(|address| taken.by_address.get_mut(&address)) {
            of.open -= 1;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_has_its_share_and_leaves_the_rest_to_others() {
        let (places, now) = (Places::new(Some(FILES_KEPT + 40), Vec::new()), Instant::now());
        let held: Vec<_> = (0..10).map(|_| places.take(ip("10.0.0.1"), now).unwrap()).collect();
        assert_eq!(places.take(ip("10.0.0.1"), now).unwrap_err(), NoPlace::Share);
        let others: Vec<_> = (0..30).map(|n| places.take(ip(&format!("10.1.0.{n}")), now).unwrap()).collect();
        assert_eq!(places.take(ip("10.2.0.1"), now).unwrap_err(), NoPlace::Full);
        assert_eq!(places.take(ip("127.0.0.1"), now).unwrap_err(), NoPlace::Full, "this machine too");
        drop(others);
        assert_eq!(places.take(ip("10.0.0.1"), now).unwrap_err(), NoPlace::Share);
        drop(held);
        places.take(ip("10.0.0.1"), now).unwrap();
        assert_eq!(places.taken().all, 0, "whoever leaves gives the place back");
    }

    #[test]
    fn an_address_that_comes_too_often_waits_and_is_let_in_again() {
        let (places, mut now) = (Places::new(None, Vec::new()), Instant::now());
        let customer = ip("2001:db8::1");
        for _ in 0..ATTEMPTS_AT_ONCE {
            places.take(customer, now).unwrap();
        }
        let neighbour = ip("2001:db8::ffff");
        assert_eq!(
            places.take(neighbour, now).unwrap_err(),
            NoPlace::TooOften(ATTEMPT_EVERY),
            "one /64 is one address"
        );
        places.take(ip("2001:db8:0:1::1"), now).unwrap();
        now += ATTEMPT_EVERY;
        places.take(customer, now).unwrap();
        assert!(places.take(customer, now).is_err());
        now += Duration::from_hours(1);
        for _ in 0..ATTEMPTS_AT_ONCE {
            places.take(customer, now).unwrap();
        }
    }

    #[test]
    fn behind_a_proxy_it_is_the_client_that_is_counted() {
        let (places, now) = (Places::new(None, vec![ip("10.0.0.1")]), Instant::now());
        for _ in 0..3 * ATTEMPTS_AT_ONCE {
            places.take(ip("10.0.0.1"), now).unwrap();
        }
        for _ in 0..ATTEMPTS_AT_ONCE {
            places.knock(ip("10.0.0.1"), ip("9.9.9.9"), now).unwrap();
        }
        assert!(places.knock(ip("10.0.0.1"), ip("9.9.9.9"), now).is_err());
        places.knock(ip("10.0.0.1"), ip("9.9.9.8"), now).unwrap();
    }

    #[test]
    fn what_is_remembered_of_addresses_is_bounded() {
        let (places, now) = (Places::new(None, Vec::new()), Instant::now());
        let _stays = places.take(ip("10.0.0.1"), now).unwrap();
        for n in 0..u32::try_from(ADDRESSES_MAX + 100).unwrap() {
            places.take(IpAddr::from((0x0b00_0000 + n).to_be_bytes()), now).unwrap();
        }
        let taken = places.taken();
        assert_eq!(taken.by_address.len(), ADDRESSES_MAX);
        assert!(taken.by_address.contains_key(&ip("10.0.0.1")), "whoever is connected is not forgotten");
    }
}

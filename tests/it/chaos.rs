//! A proxy between tool and service that cuts, delays, reorders and repeats connections, as its seed decides.
//!
//! It knows nothing of what passes: a cut may be in the middle of a request, of an answer, or between both; a repetition sends all that a
//! connection sent once more, later, when others have passed it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// So much of a connection is repeated at most.
const REPEATED_BYTES_MAX: usize = 1024 * 1024;

/// A small repeatable generator (xorshift).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).max(1))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Less than `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 16) % bound
    }

    pub(crate) fn within(&mut self, most: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(most.as_micros()).unwrap().max(1)))
    }
}

/// What was done so far.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) cuts: AtomicU64,
    pub(crate) delays: AtomicU64,
    pub(crate) repeats: AtomicU64,
}

/// Passes on until it is dropped.
pub(crate) struct Chaos {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    pub(crate) done: Arc<Done>,
}

impl Chaos {
    pub(crate) fn before(service: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (ended, done) = (Arc::new(AtomicBool::new(false)), Arc::new(Done::default()));
        let (over, count) = (Arc::clone(&ended), Arc::clone(&done));
        std::thread::spawn(move || {
            for (number, stream) in (1..).zip(listener.incoming()) {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(stream), count) = (stream, Arc::clone(&count)) else { continue };
                std::thread::spawn(move || connection(&stream, service, seed.wrapping_mul(1_000_003).wrapping_add(number), &count));
            }
        });
        Self { address, ended, done }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a connection.
        drop(TcpStream::connect(self.address));
    }
}

fn connection(client: &TcpStream, service: SocketAddr, seed: u64, done: &Arc<Done>) {
    let mut random = Random::new(seed);
    if random.below(12) == 0 {
        done.cuts.fetch_add(1, Ordering::SeqCst);
        return;
    }
    let Ok(upstream) = TcpStream::connect(service) else { return };
    let (from_service, to_client, count) = (upstream.try_clone().unwrap(), client.try_clone().unwrap(), Arc::clone(done));
    let answers = Random::new(seed ^ 0x5555);
    let back = std::thread::spawn(move || drop(pump(&from_service, &to_client, answers, &count)));
    let said = pump(client, &upstream, random.clone(), done);
    back.join().unwrap();
    if random.below(3) == 0 && !said.is_empty() {
        done.repeats.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(random.within(Duration::from_millis(200)));
        repeat(service, &said);
    }
}

/// Passes on what comes, late or in part; gives what was passed on.
fn pump(mut from: &TcpStream, mut to: &TcpStream, mut random: Random, done: &Done) -> Vec<u8> {
    let (mut said, mut piece) = (Vec::new(), vec![0; 16 * 1024]);
    while let Ok(length @ 1..) = from.read(&mut piece) {
        let is_cut = random.below(14) == 0;
        let passed = if is_cut { usize::try_from(random.below(length as u64 + 1)).unwrap() } else { length };
        if random.below(8) == 0 {
            done.delays.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(random.within(Duration::from_millis(150)));
        }
        if said.len() < REPEATED_BYTES_MAX {
            said.extend_from_slice(&piece[..passed]);
        }
        if to.write_all(&piece[..passed]).is_err() {
            break;
        }
        if is_cut {
            done.cuts.fetch_add(1, Ordering::SeqCst);
            break;
        }
    }
    for stream in [from, to] {
        drop(stream.shutdown(Shutdown::Both));
    }
    said
}

/// Nobody waits for the answers.
fn repeat(service: SocketAddr, said: &[u8]) {
    let Ok(mut again) = TcpStream::connect(service) else { return };
    drop(again.set_read_timeout(Some(Duration::from_millis(300))));
    if again.write_all(said).is_ok() {
        let mut answers = Vec::new();
        drop(again.read_to_end(&mut answers));
    }
}

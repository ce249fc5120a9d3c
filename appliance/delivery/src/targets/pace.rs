//! How fast bytes go out, and for how long none may move: a connection that is watched.

use crate::reach::Stream;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// A target that moves no byte for so long is given up. How long a whole file takes does not count:
/// a film over a slow line takes days.
pub(crate) const IDLE: Duration = Duration::from_secs(60);
/// Who has got everything may be silent for so long: a server that puts the parts of a film together, or
/// brings it to another disk, says nothing meanwhile.
pub(super) const THINK: Duration = Duration::from_secs(600);
/// The most that goes out at once where there is a pace.
const STEP: u64 = 64 * 1024;
/// So much lateness of clocks and disks is made up for; longer silence is not.
const MADE_UP: Duration = Duration::from_millis(250);

/// A token bucket that holds a quarter of a second's bytes: a meeting that shares the line feels no burst.
#[derive(Debug)]
pub(super) struct Pace {
    rate: u64,
    next: Instant,
}

impl Pace {
    /// `rate` is bytes a second; None for nothing at all, which would never end.
    pub fn new(rate: Option<u64>) -> Option<Self> {
        let rate = rate.filter(|rate| *rate > 0)?;
        Some(Self { rate, next: Instant::now() })
    }

    /// What may go out at once: a quarter of a second's bytes, so that no wait looks like silence.
    pub fn step(&self) -> usize {
        (self.rate / 4).clamp(1, STEP) as usize
    }

    /// When the next step may go out.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// `bytes` went out.
    pub fn took(&mut self, bytes: usize) {
        let lasts = Duration::from_secs_f64(bytes as f64 / self.rate as f64);
        let now = Instant::now();
        let earliest = now.checked_sub(MADE_UP).unwrap_or(now);
        self.next = self.next.max(earliest) + lasts;
    }
}

/// The other side has got everything, and has work to do before it answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Thinks(Arc<AtomicBool>);

impl Thinks {
    pub fn set(&self, thinks: bool) {
        self.0.store(thinks, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection that ends when it is silent for [`IDLE`], or for [`THINK`] before an answer, and whose
/// bytes go out at a pace.
pub(super) struct Watched {
    inner: Box<dyn Stream>,
    moved: Instant,
    silence: Pin<Box<Sleep>>,
    thinks: Thinks,
    pace: Option<(Pace, Pin<Box<Sleep>>)>,
}

impl Watched {
    pub fn new(inner: Box<dyn Stream>, pace: Option<u64>) -> Self {
        let now = Instant::now();
        let pace = Pace::new(pace).map(|pace| (pace, Box::pin(sleep_until(now))));
        let silence = Box::pin(sleep_until(now + IDLE));
        Self { inner, moved: now, silence, thinks: Thinks::default(), pace }
    }

    pub fn thinks(&self) -> Thinks {
        self.thinks.clone()
    }

    fn silent<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let ends = self.moved + if self.thinks.get() { THINK } else { IDLE };
        if self.silence.deadline() != ends {
            self.silence.as_mut().reset(ends);
        }
        ready!(self.silence.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.inner).poll_read(cx, buf) {
            Poll::Ready(read) => {
                self.moved = Instant::now();
                self.thinks.set(false);
                Poll::Ready(read)
            }
            Poll::Pending => self.silent(cx),
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let mut most = buf.len();
        if let Some((pace, wait)) = &mut this.pace {
            if pace.next() > Instant::now() {
                wait.as_mut().reset(pace.next());
                ready!(wait.as_mut().poll(cx));
            }
            most = most.min(pace.step());
        }
        match Pin::new(&mut this.inner).poll_write(cx, &buf[..most]) {
            Poll::Ready(wrote) => {
                if let (Ok(wrote), Some((pace, _))) = (&wrote, &mut this.pace) {
                    pace.took(*wrote);
                }
                this.moved = Instant::now();
                Poll::Ready(wrote)
            }
            Poll::Pending => this.silent(cx),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.inner).poll_flush(cx) {
            Poll::Pending => self.silent(cx),
            flushed => flushed,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.inner).poll_shutdown(cx) {
            Poll::Pending => self.silent(cx),
            shut => shut,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    async fn seconds(pace: Option<u64>, bytes: usize) -> u64 {
        let (here, mut there) = duplex(1 << 20);
        let mut watched = Watched::new(Box::new(here), pace);
        let begun = Instant::now();
        let sink = tokio::spawn(async move {
            let mut all = Vec::new();
            there.read_to_end(&mut all).await.map(|_| all.len())
        });
        watched.write_all(&vec![0; bytes]).await.unwrap();
        drop(watched);
        assert_eq!(sink.await.unwrap().unwrap(), bytes);
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_go_out_at_their_pace() {
        assert_eq!(seconds(Some(100_000), 1_000_000).await, 9);
        assert_eq!(seconds(Some(10_000_000), 20_000_000).await, 1);
        // Slower than any minute's silence, and all the same never silent.
        assert_eq!(seconds(Some(2), 500).await, 249);
        assert_eq!(seconds(None, 20_000_000).await, 0);
        assert_eq!(seconds(Some(0), 20_000_000).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_is_not_made_up_for() {
        let mut pace = Pace::new(Some(1000)).unwrap();
        tokio::time::advance(Duration::from_secs(100)).await;
        pace.took(1000);
        assert_eq!(pace.next() - Instant::now(), Duration::from_secs(1) - MADE_UP);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_a_connection_and_slowness_does_not() {
        let (here, mut there) = duplex(16);
        let mut watched = Watched::new(Box::new(here), None);
        tokio::spawn(async move {
            for _ in 0..5 {
                tokio::time::sleep(IDLE - Duration::from_secs(1)).await;
                there.write_all(b"x").await.unwrap();
            }
            std::future::pending::<()>().await;
            drop(there);
        });
        let mut bytes = [0; 5];
        watched.read_exact(&mut bytes).await.unwrap();
        let begun = Instant::now();
        assert_eq!(watched.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), IDLE.as_secs());
        let stuck = watched.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(stuck.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_everything_may_think_before_the_answer_and_not_in_its_midst() {
        let (here, mut there) = duplex(16);
        let mut watched = Watched::new(Box::new(here), None);
        watched.thinks().set(true);
        tokio::spawn(async move {
            tokio::time::sleep(THINK - Duration::from_secs(1)).await;
            there.write_all(b"x").await.unwrap();
            std::future::pending::<()>().await;
        });
        watched.read_u8().await.unwrap();
        let begun = Instant::now();
        assert_eq!(watched.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), IDLE.as_secs());
    }
}

//! A connection with its seat, from the first byte to after the last.

use super::seats::Seat;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// Whoever still talks when the box has said its last word gets so long to hear it.
const LAST_WORD: Duration = Duration::from_secs(1);

/// The connection goes from hyper to the WebSocket and back; its seat goes with it.
pub(super) struct Seated {
    open: Option<(TcpStream, Seat)>,
    /// The client has said all that it will.
    heard_all: bool,
}

impl Seated {
    pub(super) fn new(stream: TcpStream, seat: Seat) -> Self {
        Self { open: Some((stream, seat)), heard_all: false }
    }

    fn stream(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        let stream = self.get_mut().open.as_mut().map(|(stream, _)| Pin::new(stream));
        stream.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

/// Ends a connection so that what was sent is read: closing it with words of the client unread
/// would reset it, and take ours back (RFC 9112 §9.6).
///
/// # Errors
/// The client has gone already.
pub(super) async fn last_word(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let unheard = async {
        let mut unheard = [0; 4096];
        while stream.read(&mut unheard).await? > 0 {}
        Ok(())
    };
    timeout(LAST_WORD, unheard).await.unwrap_or(Ok(()))
}

impl Drop for Seated {
    fn drop(&mut self) {
        let Some((stream, seat)) = self.open.take() else { return };
        let Ok(runtime) = Handle::try_current() else { return };
        if !self.heard_all {
            runtime.spawn(async move {
                if let Err(error) = last_word(stream).await {
                    tracing::debug!(%error, "a client had gone before the last word");
                }
                drop(seat);
            });
        }
    }
}

impl AsyncRead for Seated {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (buffer.filled().len(), buffer.remaining());
        let read = std::task::ready!(self.as_mut().stream()?.poll_read(cx, buffer));
        self.heard_all |= read.is_err() || (room > 0 && buffer.filled().len() == before);
        Poll::Ready(read)
    }
}

impl AsyncWrite for Seated {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(cx)
    }
}

//! A line to a server that a test can cut, in the middle of a message too, and lead elsewhere.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::socket::{PATH, listen};

pub(crate) struct Line {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    server: Option<SocketAddr>,
    /// After so many bytes of the server, the line breaks.
    bytes: Option<usize>,
    open: Vec<AbortHandle>,
    /// So many connections there have been.
    count: usize,
}

impl Line {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let (listener, address) = listen().await;
        let state = Arc::new(Mutex::new(State {
            server: Some(server),
            bytes: None,
            open: Vec::new(),
            count: 0,
        }));
        tokio::spawn(accept(listener, Arc::clone(&state)));
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}{PATH}", self.address)
    }

    /// How many connections there have been.
    pub(crate) fn count(&self) -> usize {
        self.state.lock().unwrap().count
    }

    /// Cuts what is connected.
    pub(crate) fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        state.bytes = None;
        state.open.drain(..).for_each(|open| open.abort());
    }

    /// Cuts what is connected, once the server has sent so many bytes more.
    pub(crate) fn cut_after(&self, bytes: usize) {
        self.state.lock().unwrap().bytes = Some(bytes);
    }

    /// Cuts what is connected; nobody gets through any more.
    pub(crate) fn down(&self) {
        self.state.lock().unwrap().server = None;
        self.cut();
    }

    /// From now on it leads there.
    pub(crate) fn lead_to(&self, server: SocketAddr) {
        self.state.lock().unwrap().server = Some(server);
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((near, _)) = listener.accept().await {
        let shared = Arc::clone(&state);
        let mut state = state.lock().unwrap();
        state.count += 1;
        if let Some(server) = state.server {
            let passing = tokio::spawn(async move { drop(pass(near, server, shared).await) });
            state.open.push(passing.abort_handle());
        }
    }
}

/// Passes on what both sides say, until one of them goes or the line breaks.
async fn pass(
    near: TcpStream,
    server: SocketAddr,
    state: Arc<Mutex<State>>,
) -> std::io::Result<()> {
    let far = TcpStream::connect(server).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let (mut from_near, mut to_near) = near.into_split();
    let (mut from_far, mut to_far) = far.into_split();
    let down = async {
        let mut buffer = [0; 4096];
        loop {
            let read = from_far.read(&mut buffer).await?;
            let allowed = allow(&state, read);
            to_near.write_all(&buffer[..allowed]).await?;
            if read == 0 || allowed < read {
                return Ok(());
            }
        }
    };
    tokio::select! {
        ended = down => ended,
        ended = copy(&mut from_near, &mut to_far) => ended.map(|_| ()),
    }
}

/// How many of the bytes get through.
fn allow(state: &Mutex<State>, bytes: usize) -> usize {
    let mut state = state.lock().unwrap();
    let allowed = state.bytes.map_or(bytes, |left| left.min(bytes));
    state.bytes = match state.bytes {
        Some(left) if left > bytes => Some(left - bytes),
        _ => None,
    };
    allowed
}

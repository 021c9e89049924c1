//! Frames: just enough of WebSocket to count what comes.

use memchr::memmem;

use crate::Result;

const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

pub struct Frame<'a> {
    pub opcode: u8,
    pub payload: &'a [u8],
}

/// What a frame says to this program.
pub enum Incoming<'a> {
    Event {
        sent: u64,
    },
    /// To a subscription; or the error that stands for one.
    Answer,
    Close(Option<u16>),
    Other(&'a [u8]),
}

impl<'a> Frame<'a> {
    /// The first frame, and what comes after it; `None` while its end is missing.
    pub fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&[first, length], rest) = bytes.split_first_chunk()?;
        let (length, rest) = match length {
            126 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u64::from(u16::from_be_bytes(*length)), rest)
            }
            127 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u64::from_be_bytes(*length), rest)
            }
            short => (u64::from(short), rest),
        };
        let (payload, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        let opcode = first & 0x0f;
        Some((Self { opcode, payload }, rest))
    }
}

impl<'a> From<&Frame<'a>> for Incoming<'a> {
    fn from(frame: &Frame<'a>) -> Self {
        const SENT: &[u8] = b"\"sent\":";
        let payload = frame.payload;
        if frame.opcode == CLOSE {
            return Self::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code)));
        }
        if let Some(at) = memmem::find(payload, SENT) {
            let digits = payload[at + SENT.len()..].iter();
            let digits = digits.take_while(|byte| byte.is_ascii_digit());
            let sent = digits.fold(0, |sent, digit| sent * 10 + u64::from(digit - b'0'));
            return Self::Event { sent };
        }
        let answers: [&[u8]; 2] = [b"\"subscribed\"", b"\"unknown_subscription\""];
        if answers
            .iter()
            .any(|answer| memmem::find(payload, answer).is_some())
        {
            return Self::Answer;
        }
        Self::Other(payload)
    }
}

/// Adds a frame as clients send it, with a mask of zeros.
pub fn write(frames: &mut Vec<u8>, first: u8, payload: &[u8]) -> Result<()> {
    frames.push(first);
    match u8::try_from(payload.len()) {
        Ok(short) if short < 126 => frames.push(0x80 | short),
        _ => {
            frames.push(0x80 | 126);
            frames.extend(u16::try_from(payload.len())?.to_be_bytes());
        }
    }
    frames.extend([0; 4]);
    frames.extend(payload);
    Ok(())
}

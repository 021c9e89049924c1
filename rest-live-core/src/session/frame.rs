//! Frames: messages as they go on the wire, shared by all connections that send them.

use std::mem::size_of;
use std::sync::Arc;

/// One WebSocket message of the server, with its header. Servers do not mask, so one encoding does
/// for all who get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Of a broadcast in the extended form: the subscription's `id` as JSON, which is all that
    /// differs between its receivers.
    id: Option<Arc<str>>,
    /// The message with its header; of a broadcast in the extended form, the text behind the `id`.
    bytes: Arc<[u8]>,
}

/// What stands before the `id`.
const BROADCAST: &str = r#"{"type":"broadcast","id":"#;

/// The first byte of a header: a text, in one piece.
const WHOLE_TEXT: u8 = 0x81;

impl Frame {
    /// A broadcast in the extended form; `rest` is the text behind the `id`.
    pub(crate) fn broadcast(id: &Arc<str>, rest: &Arc<[u8]>) -> Self {
        Self {
            id: Some(Arc::clone(id)),
            bytes: Arc::clone(rest),
        }
    }

    /// Bytes of the protocol below, as a pong.
    #[cfg(any(feature = "server", test))]
    pub(crate) fn raw(bytes: &[u8]) -> Self {
        Self {
            id: None,
            bytes: bytes.into(),
        }
    }

    /// The text of the message.
    pub(crate) fn text(&self) -> String {
        let mut bytes = Vec::new();
        self.append_to(&mut bytes);
        let text = bytes.split_off(header_len(&bytes));
        String::from_utf8(text).expect("a frame is made from a string")
    }

    /// What the frame takes of a queue's bound.
    pub(crate) fn cost(&self) -> usize {
        self.wire_len() + size_of::<Self>()
    }

    /// How many bytes it has on the wire.
    pub(super) fn wire_len(&self) -> usize {
        match &self.id {
            None => self.bytes.len(),
            Some(id) => {
                let text = self.text_len(id);
                header(text).as_ref().len() + text
            }
        }
    }

    /// Its bytes on the wire, if they are all in one place.
    pub(super) fn as_wire(&self) -> Option<&[u8]> {
        self.id.is_none().then_some(&self.bytes)
    }

    /// Writes its bytes on the wire to the end of `wire`.
    pub(super) fn append_to(&self, wire: &mut Vec<u8>) {
        if let Some(id) = &self.id {
            wire.extend_from_slice(header(self.text_len(id)).as_ref());
            wire.extend_from_slice(BROADCAST.as_bytes());
            wire.extend_from_slice(id.as_bytes());
        }
        wire.extend_from_slice(&self.bytes);
    }

    /// How long the text of a broadcast is.
    fn text_len(&self, id: &str) -> usize {
        BROADCAST.len() + id.len() + self.bytes.len()
    }
}

impl From<String> for Frame {
    fn from(text: String) -> Self {
        let header = header(text.len());
        let bytes = [header.as_ref(), text.as_bytes()].concat();
        Self {
            id: None,
            bytes: bytes.into(),
        }
    }
}

/// The header of a text message: RFC 6455, section 5.2.
fn header(text_len: usize) -> impl AsRef<[u8]> {
    let mut header = Header {
        bytes: [WHOLE_TEXT, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        len: 2,
    };
    match (u8::try_from(text_len), u16::try_from(text_len)) {
        (Ok(short @ ..126), _) => header.bytes[1] = short,
        (_, Ok(middle)) => {
            header.bytes[1] = 126;
            header.bytes[2..4].copy_from_slice(&middle.to_be_bytes());
            header.len = 4;
        }
        _ => {
            header.bytes[1] = 127;
            header.bytes[2..].copy_from_slice(&(text_len as u64).to_be_bytes());
            header.len = 10;
        }
    }
    header
}

struct Header {
    bytes: [u8; 10],
    len: usize,
}

impl AsRef<[u8]> for Header {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// How long the header is of a message that begins with one.
fn header_len(wire: &[u8]) -> usize {
    match wire[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_how_long_the_text_is() {
        let start = |len: usize| Frame::from("x".repeat(len)).as_wire().unwrap()[..4].to_vec();
        assert_eq!(start(125), [0x81, 125, b'x', b'x']);
        assert_eq!(start(126), [0x81, 126, 0, 126]);
        assert_eq!(start(0xffff), [0x81, 126, 0xff, 0xff]);
        assert_eq!(start(0x1_0000), [0x81, 127, 0, 0]);
    }

    #[test]
    fn lengths_are_those_of_the_bytes() {
        for len in [
            0, 60, 90, 91, 92, 93, 94, 95, 96, 97, 125, 126, 60_000, 65_500, 70_000,
        ] {
            let rest: Arc<[u8]> = "x".repeat(len).into_bytes().into();
            for frame in [
                Frame::from("x".repeat(len)),
                Frame::broadcast(&"\"t1\"".into(), &rest),
            ] {
                let mut wire = Vec::new();
                frame.append_to(&mut wire);
                assert_eq!(frame.wire_len(), wire.len(), "{len}");
                assert_eq!(frame.text().len() + header_len(&wire), wire.len(), "{len}");
            }
        }
    }

    #[test]
    fn the_id_stands_where_it_belongs() {
        let rest: Arc<[u8]> = Arc::from(*br#","cursor":"1-1"}"#);
        assert_eq!(
            Frame::broadcast(&"7".into(), &rest).text(),
            r#"{"type":"broadcast","id":7,"cursor":"1-1"}"#
        );
    }
}

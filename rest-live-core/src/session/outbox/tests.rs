use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use proptest::prelude::*;

use super::*;

fn frame(text: &str) -> Frame {
    Frame::from(text.to_owned())
}

#[test]
fn frames_come_out_in_order() {
    let outbox = Outbox::new(1000);
    outbox.push(frame("1"));
    assert!(outbox.push_all(vec![frame("2"), frame("3")]));
    let out: Vec<_> = std::iter::from_fn(|| outbox.pop()).collect();
    assert_eq!(out, [frame("1"), frame("2"), frame("3")]);
    assert_eq!(outbox.lock().queue.bytes(), 0);
}

#[test]
fn what_does_not_fit_ends_it_for_good() {
    let cost = frame("12345").cost();
    let outbox = Outbox::new(2 * cost);
    outbox.push(frame("12345"));
    outbox.push(frame("12345"));
    assert!(
        !outbox.push_all(vec![frame("")]),
        "a replay that does not fit is refused"
    );
    assert_eq!(outbox.pop(), Some(frame("12345")), "and harms nobody");
    outbox.push(frame("12345"));
    outbox.push(frame("1"));
    assert!(outbox.has_overflowed());
    outbox.push(frame("1"));
    assert_eq!(outbox.pop(), None);
    assert!(outbox.lock().queue.owns_nothing());
}

#[test]
fn parts_of_a_snapshot_do_not_count() {
    let outbox = Outbox::new(2 * frame("12345").cost());
    let part = || frame(&"x".repeat(1000));
    assert!(outbox.push_snapshot(vec![part(), part()], vec![frame("12345")]));
    assert!(
        !outbox.push_snapshot(vec![part()], vec![frame("12345"), frame("12345")]),
        "what follows them does"
    );
    outbox.push(frame("12345"));
    assert_eq!(outbox.pop(), Some(part()));
    assert!(outbox.has_parts() && !outbox.take_parts_have_left());
    assert_eq!(outbox.pop(), Some(part()));
    assert!(!outbox.has_parts() && outbox.take_parts_have_left());
    assert!(!outbox.take_parts_have_left(), "once");
    assert_eq!(outbox.pop(), Some(frame("12345")));
    assert_eq!(outbox.pop(), Some(frame("12345")));
    assert_eq!((outbox.pop(), outbox.lock().queue.bytes()), (None, 0));
    assert!(!outbox.has_overflowed());
}

#[test]
fn who_has_taken_all_is_called_for_the_next_frame() {
    let outbox = Outbox::new(usize::MAX);
    assert!(outbox.push(frame("an answer, which nobody flushes")));
    assert!(outbox.pop().is_some());
    assert!(outbox.push(frame("an event")), "it has to be flushed");
    assert!(!outbox.push(frame("with this")));
}

#[test]
fn the_task_is_woken_by_a_flush() {
    let count = Arc::new(Count::default());
    let outbox = Outbox::new(1000);
    let waker = Arc::clone(&count).into();
    outbox.wake_at_next(&Context::from_waker(&waker));
    assert!(outbox.push(frame("1")), "the first has to flush");
    assert!(!outbox.push(frame("2")), "for all");
    assert_eq!(count.0.load(Ordering::Relaxed), 0);
    outbox.flush();
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert!(outbox.push(frame("3")));
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A socket with so much room.
#[derive(Clone, Default)]
struct Room(Arc<Mutex<(usize, Vec<u8>)>>);

impl Pipe for Room {
    fn poll_write(&self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let (room, taken) = &mut *self.0.lock();
        let bytes = &bytes[..bytes.len().min(*room)];
        if bytes.is_empty() {
            return Poll::Pending;
        }
        *room -= bytes.len();
        taken.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Room {
    fn make(&self, room: usize) {
        self.0.lock().0 += room;
    }

    /// The texts that came through, and how much of another one.
    fn texts(&self) -> (Vec<String>, usize) {
        let wire = &self.0.lock().1;
        let (mut texts, mut rest) = (Vec::new(), wire.as_slice());
        while let [_, len, ..] = rest {
            let (start, len) = match (len, rest) {
                (126, [_, _, high, low, ..]) => (4, u16::from_be_bytes([*high, *low]).into()),
                (126, _) => break,
                (short, _) => (2, usize::from(*short)),
            };
            assert_eq!(rest[0], 0x81, "a frame begins where the last one ended");
            let Some(text) = rest.get(start..start + len) else {
                break;
            };
            texts.push(String::from_utf8(text.to_vec()).unwrap());
            rest = &rest[start + len..];
        }
        (texts, rest.len())
    }
}

fn attached(limit: usize) -> (Outbox, Room, Arc<Count>) {
    let (outbox, room) = (Outbox::new(limit), Room::default());
    let count: Arc<Count> = Arc::default();
    outbox.attach(Arc::new(room.clone()));
    outbox.wake_at_next(&Context::from_waker(&Arc::clone(&count).into()));
    (outbox, room, count)
}

#[test]
fn a_burst_does_not_throw_out_who_reads() {
    let (outbox, room, _) = attached(1000);
    room.make(usize::MAX);
    for _ in 0..100 {
        outbox.push(frame(&"x".repeat(100)));
    }
    outbox.flush();
    assert_eq!(room.texts(), (vec!["x".repeat(100); 100], 0));
}

#[test]
fn who_reads_too_slowly_gets_the_rest_of_what_it_has_begun_and_a_last_word() {
    let (outbox, room, count) = attached(1000);
    room.make(10);
    outbox.push(frame(&"x".repeat(100)));
    outbox.flush();
    assert_eq!(count.0.load(Ordering::Relaxed), 0, "it can wait");
    for _ in 0..10 {
        outbox.push(frame(&"y".repeat(100)));
    }
    outbox.flush();
    assert!(outbox.has_overflowed());
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    outbox.push_raw(b"\x89\x00", false);
    outbox.push_raw(b"\x88\x02\x11\x9c", true);
    room.make(usize::MAX - 10);
    assert!(outbox.poll_drain().is_ready());
    let wire = room.0.lock().1.clone();
    assert_eq!(
        wire,
        [b"\x81\x64".as_slice(), &[b'x'; 100], b"\x88\x02\x11\x9c"].concat()
    );
}

#[derive(Debug, Clone)]
enum Step {
    Push(Kind, usize),
    Part(usize),
    Make(usize),
    Flush,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Shared,
    WithId,
}

fn step() -> impl Strategy<Value = Step> {
    let len = || prop_oneof![0..300usize, 20_000..40_000usize];
    let kind = prop_oneof![Just(Kind::Shared), Just(Kind::WithId)];
    prop_oneof![
        4 => (kind, len()).prop_map(|(kind, len)| Step::Push(kind, len)),
        1 => len().prop_map(Step::Part),
        3 => prop_oneof![1..9usize, 1..50_000usize].prop_map(Step::Make),
        3 => Just(Step::Flush),
    ]
}

proptest! {
    /// Whatever the socket takes at a time, what comes out of it is what was put in.
    #[test]
    fn frames_come_through_whole_and_in_order(steps in prop::collection::vec(step(), 0..60)) {
        let (outbox, room, _) = attached(usize::MAX);
        let mut put = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            let frame = match step {
                Step::Push(Kind::Shared, len) | Step::Part(len) => {
                    frame(&format!("{number}{}", "x".repeat(len)))
                }
                Step::Push(Kind::WithId, len) => {
                    Frame::broadcast(&number.to_string().into(), &"x".repeat(len).into_bytes().into())
                }
                Step::Make(bytes) => {
                    room.make(bytes);
                    // The task was woken.
                    let _ = outbox.poll_drain();
                    continue;
                }
                Step::Flush => {
                    outbox.flush();
                    continue;
                }
            };
            put.push(frame.text());
            match step {
                Step::Part(_) => prop_assert!(outbox.push_snapshot(vec![frame], Vec::new())),
                _ => drop(outbox.push(frame)),
            }
        }
        outbox.flush();
        let (texts, rest) = room.texts();
        prop_assert_eq!(&texts[..], &put[..texts.len()]);
        prop_assert!(room.0.lock().0 == 0 || (texts.len() == put.len() && rest == 0));
        room.make(10_000_000);
        prop_assert!(outbox.poll_drain().is_ready());
        prop_assert_eq!(room.texts(), (put, 0));
        prop_assert_eq!(outbox.lock().queue.bytes(), 0);
        prop_assert!(!outbox.has_parts());
    }
}

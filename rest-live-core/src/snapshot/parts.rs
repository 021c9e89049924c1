//! Parts: a snapshot as messages of bounded size.

use std::fmt::Write;
use std::mem;

use crate::limits::Limits;
use crate::session::Frame;

/// The messages of one snapshot, as they are being written.
pub(super) struct Parts {
    /// What every part begins with.
    head: String,
    part_bytes: usize,
    /// The bytes that are still allowed.
    left: usize,
    done: Vec<Frame>,
    part: String,
}

/// A snapshot is larger than is allowed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooBig;

const MORE: &str = r#"],"more":true}"#;
const LAST: &str = r#"],"more":false}"#;

impl Parts {
    /// Begins a snapshot for the subscription `id`, which is JSON, of the model `label`.
    pub(super) fn new(id: &str, label: &str, limits: &Limits) -> Self {
        let head = format!(r#"{{"type":"snapshot","id":{id},"model":"{label}","instances":["#);
        Self {
            part: head.clone(),
            head,
            part_bytes: limits.snapshot_part_bytes,
            left: limits.snapshot_bytes,
            done: Vec::new(),
        }
    }

    /// Adds a row, as JSON.
    pub(super) fn add(&mut self, instance: &str) -> Result<(), TooBig> {
        let is_first = self.part.len() == self.head.len();
        if !is_first && self.part.len() + instance.len() + 1 + LAST.len() > self.part_bytes {
            self.end_part(MORE)?;
        }
        let comma = if self.part.len() == self.head.len() {
            ""
        } else {
            ","
        };
        if self.part.len() + instance.len() + LAST.len() > self.left {
            return Err(TooBig);
        }
        write!(self.part, "{comma}{instance}").expect("a String takes all that is written to it");
        Ok(())
    }

    /// All parts; one without rows, if there are none.
    pub(super) fn finish(mut self) -> Result<Vec<Frame>, TooBig> {
        self.end_part(LAST)?;
        Ok(self.done)
    }

    fn end_part(&mut self, tail: &str) -> Result<(), TooBig> {
        self.part.push_str(tail);
        self.left = self.left.checked_sub(self.part.len()).ok_or(TooBig)?;
        let part = mem::replace(&mut self.part, self.head.clone());
        self.done.push(Frame::from(part));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(snapshot_part_bytes: usize, snapshot_bytes: usize) -> Limits {
        Limits {
            snapshot_part_bytes,
            snapshot_bytes,
            ..Limits::default()
        }
    }

    /// The parts of so many rows of ten bytes, as texts.
    fn parts(rows: usize, limits: &Limits) -> Result<Vec<String>, TooBig> {
        let mut parts = Parts::new("1", "a.B", limits);
        (0..rows).try_for_each(|_| parts.add(r#"{"id":123}"#))?;
        let frames = parts.finish()?;
        Ok(frames.iter().map(Frame::text).collect())
    }

    #[test]
    fn no_rows_are_one_empty_part() {
        let only = r#"{"type":"snapshot","id":1,"model":"a.B","instances":[],"more":false}"#;
        assert_eq!(parts(0, &limits(0, 1000)).unwrap(), [only]);
        assert_eq!(parts(0, &limits(0, 1)), Err(TooBig));
    }

    #[test]
    fn every_part_is_full_and_none_too_long() {
        let all = parts(1000, &limits(500, 100_000)).unwrap();
        let instances = |part: &String| {
            let part: serde_json::Value = serde_json::from_str(part).unwrap();
            part["instances"].as_array().unwrap().len()
        };
        assert_eq!(all.iter().map(instances).sum::<usize>(), 1000);
        let (last, others) = all.split_last().unwrap();
        assert!(last.ends_with(LAST) && last.len() <= 500);
        for part in others {
            assert!(part.ends_with(MORE) && (485..=500).contains(&part.len()));
        }
    }

    #[test]
    fn a_row_that_is_too_long_for_a_part_gets_one_of_its_own() {
        let all = parts(3, &limits(1, 1000)).unwrap();
        assert_eq!(all.len(), 3);
        assert!(all[1].contains(r#"[{"id":123}],"more":true"#));
    }

    #[test]
    fn all_parts_together_are_bounded() {
        let whole: usize = parts(100, &limits(300, 100_000))
            .unwrap()
            .iter()
            .map(String::len)
            .sum();
        assert!(parts(100, &limits(300, whole)).is_ok());
        assert_eq!(parts(100, &limits(300, whole - 1)), Err(TooBig));
        let mut endless = Parts::new("1", "a.B", &limits(300, 2000));
        assert!((0..1000).any(|_| endless.add("1234567890").is_err()));
    }
}

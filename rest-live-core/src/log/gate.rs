//! The commit gate: puts commits in the order in which their transactions committed.

use std::collections::VecDeque;

use crate::change::Change;

/// Hands out tickets, and lets what comes back for them out in the order of the tickets.
///
/// A writer draws its ticket while its transaction still holds its locks, and hands it back after
/// COMMIT. Two transactions that write one row hold its lock one after the other, so their tickets
/// are in the order of their commits, whichever thread is first to come back.
#[derive(Default)]
pub(super) struct Gate {
    /// The oldest ticket not let out yet.
    front: u64,
    slots: VecDeque<Slot>,
}

enum Slot {
    /// Still with its writer.
    Out,
    /// Back, behind one that is still out.
    Back(Vec<Change>),
}

impl Gate {
    pub(super) fn draw(&mut self) -> u64 {
        self.slots.push_back(Slot::Out);
        self.front + self.slots.len() as u64 - 1
    }

    /// Takes a ticket back. `Err` gives the changes of a ticket that was passed over.
    pub(super) fn hand_back(
        &mut self,
        ticket: u64,
        changes: Vec<Change>,
    ) -> Result<(), Vec<Change>> {
        match ticket
            .checked_sub(self.front)
            .and_then(|at| self.slots.get_mut(at as usize))
        {
            Some(slot) => *slot = Slot::Back(changes),
            None => return Err(changes),
        }
        Ok(())
    }

    /// The next commit, if its turn has come.
    pub(super) fn pass(&mut self) -> Option<Vec<Change>> {
        match self.slots.pop_front()? {
            Slot::Back(changes) => {
                self.front += 1;
                Some(changes)
            }
            Slot::Out => {
                self.slots.push_front(Slot::Out);
                None
            }
        }
    }

    /// The oldest ticket that is out, or the next to be drawn.
    pub(super) fn front(&self) -> u64 {
        self.front
    }

    /// Whether commits wait for a ticket that is out.
    pub(super) fn is_blocked(&self) -> bool {
        self.slots.iter().any(|slot| matches!(slot, Slot::Back(_)))
    }

    /// Gives up on the tickets that hold up what is back; says how many.
    pub(super) fn pass_over(&mut self) -> usize {
        let out = self
            .slots
            .iter()
            .take_while(|slot| matches!(slot, Slot::Out))
            .count();
        self.slots.drain(..out);
        self.front += out as u64;
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::change::ModelId;

    fn changes(ticket: u64) -> Vec<Change> {
        vec![Change::unknown(ModelId(ticket as usize))]
    }

    fn let_out(gate: &mut Gate) -> Vec<u64> {
        std::iter::from_fn(|| gate.pass())
            .flatten()
            .map(|change| change.model.0 as u64)
            .collect()
    }

    #[test]
    fn a_ticket_waits_for_those_before_it() {
        let mut gate = Gate::default();
        let (first, second) = (gate.draw(), gate.draw());
        gate.hand_back(second, changes(second)).unwrap();
        assert!(gate.is_blocked());
        assert!(let_out(&mut gate).is_empty());
        gate.hand_back(first, changes(first)).unwrap();
        assert_eq!(let_out(&mut gate), [first, second]);
        assert!(!gate.is_blocked());
    }

    #[test]
    fn a_ticket_that_was_passed_over_gets_its_changes_back() {
        let mut gate = Gate::default();
        let (first, second) = (gate.draw(), gate.draw());
        gate.hand_back(second, changes(second)).unwrap();
        assert_eq!(gate.pass_over(), 1);
        assert_eq!(let_out(&mut gate), [second]);
        assert_eq!(gate.hand_back(first, changes(first)).unwrap_err().len(), 1);
        let third = gate.draw();
        gate.hand_back(third, changes(third)).unwrap();
        assert_eq!(let_out(&mut gate), [third]);
    }

    proptest! {
        #[test]
        fn all_come_out_in_the_order_of_the_tickets(order in Just((0..20u64).collect::<Vec<_>>()).prop_shuffle()) {
            let mut gate = Gate::default();
            let drawn: Vec<_> = order.iter().map(|_| gate.draw()).collect();
            let mut out = Vec::new();
            for at in order {
                let ticket = drawn[at as usize];
                gate.hand_back(ticket, changes(ticket)).unwrap();
                out.extend(let_out(&mut gate));
            }
            prop_assert_eq!(out, drawn);
        }
    }
}

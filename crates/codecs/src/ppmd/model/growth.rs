//! How a model grows: every symbol is added to the contexts that did not have it, and longer contexts are made.

use super::{FREQUENCY_MAX, ONLY, Ppmd, STATE_LEN, State};

impl Ppmd {
    /// Adds the found symbol to every longer context that did not have it.
    pub(super) fn update(&mut self) {
        if self.updated().is_none() {
            // No memory is left: everything is forgotten.
            self.restart();
        }
    }

    fn updated(&mut self) -> Option<()> {
        let found = self.state(self.found);
        if found.frequency < FREQUENCY_MAX / 4 && self.suffix(self.shortest) != 0 {
            self.count_shorter(found.symbol);
        }
        if self.order_fall == 0 {
            let made = self.successors(true)?;
            (self.shortest, self.longest) = (made, made);
            self.put_successor(self.found, made);
            return Some(());
        }
        if !self.units.push_text(found.symbol) {
            return None;
        }
        let mut successor = self.units.text;
        let next = if found.successor == 0 {
            self.put_successor(self.found, successor);
            self.shortest
        } else {
            // In the text there is what followed, and no context yet.
            let is_text = found.successor < self.units.start;
            let next = if is_text { self.successors(false)? } else { found.successor };
            self.order_fall = self.order_fall.wrapping_sub(1);
            if self.order_fall == 0 {
                successor = next;
                self.units.text = self.units.text.wrapping_sub(u32::from(self.longest != self.shortest));
            }
            next
        };
        self.add_to_longer(found, successor)?;
        (self.shortest, self.longest) = (next, next);
        Some(())
    }

    /// The shorter context learns of the symbol too.
    fn count_shorter(&mut self, symbol: u8) {
        let shorter = self.suffix(self.shortest);
        let mut at = self.find(shorter, symbol);
        if self.count(shorter) == 1 {
            let frequency = self.frequency(at);
            self.put_frequency(at, frequency.wrapping_add(u8::from(frequency < 32)));
            return;
        }
        let before = at.wrapping_sub(STATE_LEN);
        if at != self.states(shorter) && self.frequency(at) >= self.frequency(before) {
            self.swap(at, before);
            at = before;
        }
        let frequency = self.frequency(at);
        if frequency < FREQUENCY_MAX - 9 {
            self.put_frequency(at, frequency.wrapping_add(2));
            self.put_sum(shorter, self.sum(shorter).wrapping_add(2));
        }
    }

    /// Adds a symbol to all contexts from the longest to the present one, which has it.
    fn add_to_longer(&mut self, found: State, successor: u32) -> Option<()> {
        let count = self.count(self.shortest);
        let frequency = u32::from(found.frequency);
        let others = self.sum(self.shortest).wrapping_sub(count).wrapping_sub(frequency.wrapping_sub(1));
        let mut context = self.longest;
        while context != self.shortest {
            let own = self.count(context);
            let mut sum;
            if own == 1 {
                let states = self.units.block(1)?;
                let mut only = self.state(context.wrapping_add(ONLY));
                let is_rare = only.frequency < FREQUENCY_MAX / 4 - 1;
                only.frequency = if is_rare { only.frequency << 1 } else { FREQUENCY_MAX - 4 };
                self.put_state(states, only);
                self.units.put(context.wrapping_add(4), states.to_le_bytes());
                let escape = u32::from(self.lone_escape).wrapping_add(u32::from(count > 3));
                sum = u32::from(only.frequency).wrapping_add(escape);
            } else {
                if own & 1 == 0 {
                    let states = self.units.grown(self.states(context), own >> 1)?;
                    self.units.put(context.wrapping_add(4), states.to_le_bytes());
                }
                sum = self.sum(context);
                let is_small = 4 * own <= count && sum <= 8 * own;
                sum = sum.wrapping_add(u32::from(2 * own < count)).wrapping_add(2 * u32::from(is_small));
            }
            let ours = 2 * frequency.wrapping_mul(sum.wrapping_add(6));
            let whole = others.wrapping_add(sum);
            let times = |count: u32| u32::from(ours >= whole.wrapping_mul(count));
            let first = if ours < whole.wrapping_mul(6) {
                sum = sum.wrapping_add(3);
                1 + u32::from(ours > whole) + times(4)
            } else {
                let first = 4 + times(9) + times(12) + times(15);
                sum = sum.wrapping_add(first);
                first
            };
            self.put_sum(context, sum);
            let at = self.states(context).wrapping_add(own.wrapping_mul(STATE_LEN));
            self.put_state(at, State { symbol: found.symbol, frequency: first as u8, successor });
            self.put_count(context, own.wrapping_add(1));
            context = self.suffix(context);
            // Contexts lead to the present one, which leads to none of them.
            if context == 0 {
                break;
            }
        }
        Some(())
    }

    /// Makes contexts for what followed the found symbol, one for each context that does not have one yet; the longest of them.
    fn successors(&mut self, has_own: bool) -> Option<u32> {
        let symbol = self.symbol_at(self.found);
        let branch = self.successor(self.found);
        let mut context = self.shortest;
        let mut places = Vec::new();
        if !has_own {
            places.push(self.found);
        }
        loop {
            let suffix = self.suffix(context);
            if suffix == 0 {
                break;
            }
            context = suffix;
            let at = self.find(context, symbol);
            let successor = self.successor(at);
            if successor != branch {
                context = successor;
                break;
            }
            places.push(at);
        }
        if places.is_empty() {
            return Some(context);
        }
        let symbol = self.symbol_at(branch);
        let at = self.find(context, symbol);
        let frequency = if self.count(context) == 1 {
            self.frequency(at)
        } else {
            let ours = u32::from(self.frequency(at)).wrapping_sub(1);
            let others = self.sum(context).wrapping_sub(self.count(context)).wrapping_sub(ours);
            let twice = ours.wrapping_mul(2);
            let more = if twice <= others {
                u32::from(ours.wrapping_mul(5) > others)
            } else {
                let divisor = others.wrapping_mul(2);
                twice.wrapping_add(others.wrapping_mul(3)).wrapping_sub(1).checked_div(divisor).unwrap_or(0)
            };
            more.wrapping_add(1) as u8
        };
        let only = State { symbol, frequency, successor: branch.wrapping_add(1) };
        while let Some(place) = places.pop() {
            let made = self.units.context()?;
            self.put_count(made, 1);
            self.put_state(made.wrapping_add(ONLY), only);
            self.units.put(made.wrapping_add(8), context.to_le_bytes());
            self.put_successor(place, made);
            context = made;
        }
        Some(context)
    }
}

//! `--fail-on`: from which grade on the exit code says "findings".

use std::str::FromStr;

use findings::{Axis, Finding};

/// The lowest rank of each axis that counts; none if the axis never counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Threshold {
    takes: Option<u8>,
    obeys: Option<u8>,
    exposes: Option<u8>,
}

impl Threshold {
    const NEVER: Self = Self { takes: None, obeys: None, exposes: None };

    /// Whether a finding counts. One that no entry point leads to is shown, and does not count.
    pub(crate) fn is_reached_by(&self, finding: &Finding) -> bool {
        let least = match finding.parts.axis {
            Axis::Takes => self.takes,
            Axis::Obeys => self.obeys,
            Axis::Exposes => self.exposes,
        };
        finding.parts.modifiers.reachable && least.is_some_and(|least| finding.parts.rank >= least)
    }
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self::NEVER);
        }
        let rank = |text: &str| match text.parse::<u8>() {
            Ok(rank @ 1..=9) => Ok(rank),
            _ => Err(format!("{text:?} is no rank; a rank is a number from 1")),
        };
        if !text.contains(':') {
            let rank = Some(rank(text)?);
            return Ok(Self { takes: rank, obeys: rank, exposes: rank });
        }
        let mut threshold = Self::NEVER;
        for part in text.split(',') {
            let (axis, least) = part.split_once(':').ok_or_else(|| format!("{part:?} is not axis:rank"))?;
            let place = match axis {
                "takes" => &mut threshold.takes,
                "obeys" => &mut threshold.obeys,
                "exposes" => &mut threshold.exposes,
                _ => return Err(format!("{axis:?} is no axis; there are takes, obeys and exposes")),
            };
            *place = Some(rank(least)?);
        }
        Ok(threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rank_alone_stands_for_every_axis() {
        let all = Threshold { takes: Some(3), obeys: Some(3), exposes: Some(3) };
        assert_eq!("3".parse(), Ok(all));
    }

    #[test]
    fn an_axis_that_is_not_named_never_counts() {
        let some = Threshold { takes: Some(4), obeys: None, exposes: Some(1) };
        assert_eq!("takes:4,exposes:1".parse(), Ok(some));
        assert_eq!("never".parse(), Ok(Threshold::NEVER));
    }

    #[test]
    fn what_is_no_threshold_is_refused() {
        for text in ["", "0", "x", "300", "takes", "takes:", "takes:0", "steals:1", "takes:1;obeys:2", "takes:1,"] {
            assert!(text.parse::<Threshold>().is_err(), "{text}");
        }
    }
}

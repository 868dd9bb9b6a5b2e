//! How evenly bytes are spread: text and code repeat themselves, cipher text does not.

/// Shannon's entropy of a sample, in bits for each byte: 0 for one value only, 8 for all values equally often. Of random bytes,
/// a sample of 16 KiB has 7.988, give or take 0.001.
#[must_use]
pub fn bits_per_byte(sample: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for &byte in sample {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count = count.saturating_add(1);
        }
    }
    let total = sample.len() as f64;
    let part = |&count: &u32| {
        let share = f64::from(count) / total;
        -share * share.log2()
    };
    counts.iter().filter(|&&count| count > 0).map(part).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_scale_are_met() {
        let all: Vec<u8> = (0..=255).collect();
        assert!((bits_per_byte(&all.repeat(64)) - 8.0).abs() < 1e-9);
        assert!((bits_per_byte(b"abababab") - 1.0).abs() < 1e-9);
        assert!(bits_per_byte(&[7; 500]).abs() < 1e-9 && bits_per_byte(&[]).abs() < 1e-9);
    }
}

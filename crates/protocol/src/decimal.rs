//! Decimal numbers, appended to a reply without a formatter.

/// Numbers below this have at most eight digits, which fit a word.
const WORD_LIMIT: u64 = 100_000_000;

/// The decimal digits of a number.
pub(crate) struct Digits {
    /// The digits from the left, then anything.
    bytes: [u8; 20],
    length: usize,
}

impl Digits {
    pub(crate) fn of(number: u64) -> Self {
        let mut digits = Self { bytes: [0; 20], length: 0 };
        if number >= WORD_LIMIT {
            digits = Self::of(number / 10);
            digits.push(b'0' | (number % 10) as u8);
        } else {
            let (word, length) = word(number);
            word.to_le_bytes().iter().take(length).for_each(|digit| digits.push(*digit));
        }
        digits
    }

    fn push(&mut self, digit: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = digit;
            self.length += 1;
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Appends `number` in decimal digits.
#[inline]
pub(crate) fn append(out: &mut Vec<u8>, number: u64) {
    if number >= WORD_LIMIT {
        return out.extend_from_slice(Digits::of(number).as_bytes());
    }
    // A copy of fixed length is one instruction, of variable length a call.
    let (word, length) = word(number);
    let end = out.len() + length;
    out.extend_from_slice(&word.to_le_bytes());
    out.truncate(end);
}

/// The digits of a number below [`WORD_LIMIT`], the first in the lowest byte, and how many.
///
/// The number is halved into lanes of 4, 2 and 1 digits, all lanes at once. Multiplying by
/// 10486 / 2^20 and by 103 / 2^10 divides a lane by 100 and by 10 exactly, in the lane's range.
#[inline]
fn word(number: u64) -> (u64, usize) {
    let by_four = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((by_four * 10_486) >> 20) & 0x7f_0000_007f;
    let by_two = hundreds | ((by_four - hundreds * 100) << 16);
    let tens = ((by_two * 103) >> 10) & 0x000f_000f_000f_000f;
    let by_one = tens | ((by_two - tens * 10) << 8);
    let leading_zeros = (by_one.trailing_zeros() / 8).min(7);
    ((by_one | 0x3030_3030_3030_3030) >> (leading_zeros * 8), 8 - leading_zeros as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    #[test]
    fn every_number_of_up_to_six_digits_is_right() {
        let mut out = Vec::new();
        for number in (0..1_000_000).chain((0..100_000_000).step_by(9_973)) {
            out.clear();
            super::append(&mut out, number);
            assert_eq!(out, number.to_string().into_bytes());
        }
    }

    proptest! {
        #[test]
        fn digits_are_those_of_the_formatter(number: u64) {
            let limits = [0, 9, 10, 99_999_999, 100_000_000, 100_000_001, u64::MAX];
            let shifted = (0..64).map(|bits| number >> bits);
            for number in limits.into_iter().chain(shifted) {
                let mut out = b"x".to_vec();
                super::append(&mut out, number);
                prop_assert_eq!(out, format!("x{number}").into_bytes());
            }
        }
    }
}

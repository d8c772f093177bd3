//! Barcodes: GTIN-8, -12, -13 and -14.

/// Whether the text consists of as many digits as a GTIN has, the last of which fits the others.
pub fn is_valid(text: &str) -> bool {
    matches!(text.len(), 8 | 12 | 13 | 14)
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && has_right_check_digit(text)
}

/// GS1: from the right, digits weigh 1, 3, 1, 3, …, and the sum is a multiple of ten. Expects digits only.
pub fn has_right_check_digit(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .zip([1, 3].into_iter().cycle())
        .map(|(digit, weight)| u32::from(digit.saturating_sub(b'0')) * weight)
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn length_digits_and_check_digit_count() {
        for good in ["4006381333931", "012345678905", "96385074"] {
            assert!(is_valid(good), "{good}");
        }
        for bad in ["4006381333932", "400638133393", "40063813339X1", ""] {
            assert!(!is_valid(bad), "{bad}");
        }
    }
}

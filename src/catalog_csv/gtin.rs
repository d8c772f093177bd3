//! Checks barcodes (GTIN-8, -12, -13, -14) before a channel refuses them, or worse, matches the wrong product.

use crate::domain::gtin::has_right_check_digit;

/// Why a cell is not a GTIN, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GtinFault {
    pub code: &'static str,
    pub message: &'static str,
    pub hint: String,
}

/// The digits of a valid GTIN. Removes the apostrophe that marks text, blanks and hyphens; repairs nothing.
pub(super) fn read_gtin(text: &str) -> Result<String, GtinFault> {
    let digits: String = text
        .strip_prefix(['\'', '’'])
        .unwrap_or(text)
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .collect();
    let fault = |code, message, hint: &str| {
        Err(GtinFault {
            code,
            message,
            hint: hint.to_owned(),
        })
    };
    if is_scientific(&digits) {
        return fault(
            "gtin_scientific",
            "the spreadsheet destroyed this barcode: its last digits are gone",
            "format the column as text and enter the barcode again",
        );
    }
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return fault(
            "gtin_not_digits",
            "a GTIN consists of digits only",
            "enter the barcode's number, or leave the cell blank when there is none",
        );
    }
    if !matches!(digits.len(), 8 | 12 | 13 | 14) {
        let padded = format!("0{digits}");
        if matches!(digits.len(), 7 | 11) && has_right_check_digit(&padded) {
            return Err(GtinFault {
                code: "gtin_length",
                message: "a GTIN has 8, 12, 13 or 14 digits",
                hint: format!("a leading zero seems to be lost: {padded} would be right"),
            });
        }
        return fault(
            "gtin_length",
            "a GTIN has 8, 12, 13 or 14 digits",
            "compare with the number printed under the barcode",
        );
    }
    if !has_right_check_digit(&digits) {
        return fault(
            "gtin_check_digit",
            "the last digit does not fit the others",
            "compare with the number printed under the barcode",
        );
    }
    Ok(digits)
}

/// `4.00638E+12`: what a spreadsheet makes of a long number.
pub(super) fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_fits = exponent.strip_prefix('+').is_some_and(digits);
    let mantissa_fits = match mantissa.split_once(['.', ',']) {
        Some((whole, fraction)) => whole.len() == 1 && digits(whole) && digits(fraction),
        None => mantissa.len() == 1 && digits(mantissa),
    };
    exponent_fits && mantissa_fits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn valid_codes_pass_in_any_dress() {
        for text in [
            "4006381333931",
            "'4006381333931",
            "4 006381 333931",
            "978-0-306-40615-7",
            "96385074",
            "036000291452",
        ] {
            let digits = read_gtin(text).unwrap();
            assert!(digits.bytes().all(|byte| byte.is_ascii_digit()), "{text}");
        }
    }

    #[test]
    fn each_defect_has_its_name() {
        let code = |text| read_gtin(text).unwrap_err().code;
        assert_eq!(code("4.00638E+12"), "gtin_scientific");
        assert_eq!(code("7,35018E+12"), "gtin_scientific");
        assert_eq!(code("400638133393X"), "gtin_not_digits");
        assert_eq!(code("'"), "gtin_not_digits");
        assert_eq!(code("12345"), "gtin_length");
        assert_eq!(code("4006381333932"), "gtin_check_digit");
        assert!(
            read_gtin("36000291452")
                .unwrap_err()
                .hint
                .contains("036000291452")
        );
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_always_found(place in 0_usize..13, by in 1_u8..10) {
            let mut digits = *b"4006381333931";
            digits[place] = b'0' + (digits[place] - b'0' + by) % 10;
            prop_assert!(read_gtin(std::str::from_utf8(&digits).unwrap()).is_err());
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,20}") {
            let _ = read_gtin(&text);
        }
    }
}

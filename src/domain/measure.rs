//! Units of weight and length, as catalogs and channels write them.

use rust_decimal::Decimal;

use super::issue::Issue;
use super::listing::{Listing, Measure};

/// Decimals of a gram or a millimeter that tell two measures apart: channels round what they convert.
const KEPT: u32 = 2;

/// Grams in a unit of mass.
pub fn grams(unit: &str) -> Option<Decimal> {
    Some(match unit.trim().to_ascii_lowercase().as_str() {
        "mg" => Decimal::new(1, 3),
        "g" | "gram" | "grams" => Decimal::ONE,
        "kg" | "kilogram" | "kilograms" => Decimal::from(1000),
        "t" => Decimal::from(1_000_000),
        "oz" | "ounce" | "ounces" => Decimal::new(28_349_523_125, 9),
        "lb" | "lbs" | "pound" | "pounds" => Decimal::new(45_359_237, 5),
        _ => return None,
    })
}

/// Millimeters in a unit of length.
pub fn millimeters(unit: &str) -> Option<Decimal> {
    Some(match unit.trim().to_ascii_lowercase().as_str() {
        "mm" | "millimeter" | "millimeters" => Decimal::ONE,
        "cm" | "centimeter" | "centimeters" => Decimal::TEN,
        "dm" => Decimal::ONE_HUNDRED,
        "m" | "meter" | "meters" => Decimal::from(1000),
        "in" | "inch" | "inches" | "\"" => Decimal::new(254, 1),
        "ft" | "foot" | "feet" => Decimal::new(3048, 1),
        "yd" | "yard" | "yards" => Decimal::new(9144, 1),
        _ => return None,
    })
}

/// The weight in grams, rounded; `None` in a unit that is not known.
pub fn in_grams(weight: &Measure) -> Option<Measure> {
    converted(weight, grams, "g")
}

/// The length in millimeters, rounded; `None` in a unit that is not known.
pub fn in_millimeters(length: &Measure) -> Option<Measure> {
    converted(length, millimeters, "mm")
}

fn converted(
    measure: &Measure,
    factor: fn(&str) -> Option<Decimal>,
    unit: &str,
) -> Option<Measure> {
    let value = measure.value.checked_mul(factor(&measure.unit)?)?;
    Some(Measure {
        value: value.round_dp(KEPT),
        unit: unit.to_owned(),
    })
}

/// Warns of measures in units that are not known, which no channel with units of its own can be told.
pub fn unknown_units(listing: &Listing) -> Vec<Issue> {
    let lengths = [
        ("length", &listing.length),
        ("width", &listing.width),
        ("height", &listing.height),
    ];
    let weight = listing.weight.iter().map(|weight| {
        let is_known = grams(&weight.unit).is_some();
        ("weight", weight, is_known, "mg, g, kg, oz, lb")
    });
    let lengths = lengths.into_iter().filter_map(|(field, length)| {
        let length = length.as_ref()?;
        let is_known = millimeters(&length.unit).is_some();
        Some((field, length, is_known, "mm, cm, m, in, ft"))
    });
    weight
        .chain(lengths)
        .filter(|(_, _, is_known, _)| !is_known)
        .map(|(field, stated, _, known)| {
            let unit = &stated.unit;
            Issue::warning(
                "unit_unknown",
                format!("`{unit}` is no unit that is known here, so {field} is left out"),
            )
            .field(field)
            .hint(format!("use one of {known}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_are_brought_to_one_unit() {
        let measure = |value: &str, unit: &str| Measure {
            value: value.parse().unwrap(),
            unit: unit.into(),
        };
        assert_eq!(
            in_grams(&measure("0.02835", "kg")),
            in_grams(&measure("1", "oz"))
        );
        assert_eq!(
            in_millimeters(&measure("2", "in"))
                .unwrap()
                .value
                .to_string(),
            "50.8"
        );
        assert_eq!(in_grams(&measure("1", "stone")), None);
        assert_eq!(
            in_grams(&measure("79228162514264337593543950335", "kg")),
            None
        );
    }
}

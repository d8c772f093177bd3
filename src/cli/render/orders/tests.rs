use iso_currency::Currency;

use super::*;
use crate::domain::order::{ChargeKind, Order, OrderLine, Shipment};

fn eur(text: &str) -> Money {
    Money::new(text.parse().unwrap(), Currency::EUR)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn charge(kind: ChargeKind, label: &str, amount: &str) -> Charge {
    Charge {
        kind,
        label: label.into(),
        amount: eur(amount),
    }
}

fn line(id: &str, sku: Option<&str>, quantity: u64) -> OrderLine {
    OrderLine {
        line_id: id.into(),
        sku: sku.map(Into::into),
        title: Some("=cmd|' /C calc'!A0".into()),
        quantity,
        canceled: 0,
        shipped: 0,
        unit_price: Some(eur("12.5")),
        tax_included: true,
        fulfilled_by: FulfilledBy::Seller,
        charges: vec![charge(ChargeKind::Tax, "DE 19%", "1.995")],
    }
}

fn entry() -> LedgerOrder {
    LedgerOrder {
        channel: "shop".into(),
        order: Order {
            channel_order_id: "1001".into(),
            number: Some("R-7".into()),
            status: OrderStatus::PartiallyShipped,
            channel_status: "processing".into(),
            placed_at: at("2026-01-09T21:00:00Z"),
            updated_at: at("2026-01-09T22:00:00Z"),
            shipped_at: None,
            total: Some(eur("1229.5")),
            lines: vec![
                OrderLine {
                    shipped: 1,
                    canceled: 1,
                    ..line("1", Some("TEE-S"), 1_000)
                },
                OrderLine {
                    unit_price: None,
                    fulfilled_by: FulfilledBy::Channel,
                    charges: Vec::new(),
                    ..line("2", None, 1)
                },
            ],
            charges: vec![
                charge(ChargeKind::Shipping, "DHL", "4.9"),
                charge(ChargeKind::Discount, "SPRING", "-3.5"),
            ],
        },
        first_seen: at("2026-01-09T23:00:00Z"),
        shipments: vec![Shipment {
            channel_order_id: "1001".into(),
            lines: vec![("1".into(), 1)],
            carrier: "DHL".into(),
            tracking: "00340\u{1b}[2J".into(),
            shipped_at: at("2026-01-09T23:30:00Z"),
            completes_order: false,
            parcel: 1,
        }],
    }
}

fn now() -> Timestamp {
    at("2026-01-10T00:00:00Z")
}

#[test]
fn the_list_has_one_line_per_order() {
    insta::assert_snapshot!(list(&[entry()], now(), Paint::PLAIN), @"
    channel  order  status             placed   pieces        total  skus
    shop     1001   partially_shipped  3 h ago   1,001  1229.50 EUR  TEE-S, (unknown)

    1 order
    ");
    assert_eq!(list(&[], now(), Paint::PLAIN), "No orders.\n");
}

#[test]
fn the_sheet_has_lines_charges_parcels_and_sums() {
    insta::assert_snapshot!(show(&entry(), now(), Paint::PLAIN), @"
    Order 1001 on shop
      number      R-7
      status      partially_shipped (channel: processing)
      placed      2026-01-09 21:00 UTC (3 h ago)
      updated     2026-01-09 22:00 UTC (2 h ago)
      first seen  2026-01-09 23:00 UTC (1 h ago)

    Lines
      line  sku        title               pieces                 each
      1     TEE-S      =cmd|' /C calc'!A0   1,000  12.50 EUR incl. tax  1 shipped, 1 canceled
      2     (unknown)  =cmd|' /C calc'!A0       1                    -  sent by the channel

    Charges
      of      kind      label      amount
      order   shipping  DHL      4.90 EUR
      order   discount  SPRING  -3.50 EUR
      line 1  tax       DE 19%  1.995 EUR

    Parcels
      parcel  carrier  tracking   pieces  left at
      1       DHL      00340�[2J       1  2026-01-09 23:30 UTC

    Sums
      goods                            12500.00 EUR
      tax                                 1.995 EUR
      shipping                             4.90 EUR
      discount                            -3.50 EUR
      total, as the channel states it   1229.50 EUR
    ");
}

/// Read by another parser than the one that wrote it.
fn read(text: &str) -> Vec<std::collections::HashMap<String, String>> {
    ::csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .map(|row| row.unwrap())
        .collect()
}

#[test]
fn csv_has_one_row_per_line_and_sums_up() {
    let without_lines = {
        let mut entry = entry();
        entry.order.lines.clear();
        entry
    };
    let rows = read(&csv(&[entry(), without_lines]));
    assert_eq!(rows.len(), 3);
    let column = |name: &str| -> Vec<&str> { rows.iter().map(|row| row[name].as_str()).collect() };
    assert_eq!(column("sku"), ["TEE-S", "", ""]);
    assert_eq!(column("quantity"), ["1000", "1", ""]);
    assert_eq!(column("unit_price"), ["12.50", "", ""]);
    assert_eq!(column("line_tax"), ["1.995", "", ""]);
    assert_eq!(column("order_discount"), ["-3.50", "", "-3.50"]);
    assert_eq!(column("order_total"), ["1229.50", "", "1229.50"]);
    assert_eq!(column("fulfilled_by"), ["seller", "channel", ""]);
    assert_eq!(column("title")[0], "'=cmd|' /C calc'!A0");
}

#[test]
fn no_orders_are_a_header_alone() {
    assert_eq!(csv(&[]), format!("{}\r\n", COLUMNS.join(",")));
}

#[test]
fn an_amount_in_another_currency_is_not_added_up() {
    let mut entry = entry();
    entry.order.charges.push(Charge {
        kind: ChargeKind::Shipping,
        label: String::new(),
        amount: Money::new("2".parse().unwrap(), Currency::USD),
    });
    assert_eq!(read(&csv(&[entry]))[0]["order_shipping"], "4.90 / 2.00 USD");
}

#[test]
fn formulas_are_made_safe_and_numbers_stay_numbers() {
    for (cell, safe) in [
        ("=1+1", "'=1+1"),
        ("+49 30 1", "'+49 30 1"),
        ("-3.50", "-3.50"),
        ("-3", "-3"),
        ("-3-1", "'-3-1"),
        ("-3.", "'-3."),
        ("-", "'-"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("＝1", "'＝1"),
        ("TEE-S", "TEE-S"),
        ("", ""),
    ] {
        assert_eq!(super::csv::safe(cell), safe, "{cell:?}");
    }
}

#[test]
fn json_has_amounts_as_text_beside_their_currency() {
    let orders = [entry()];
    let value = serde_json::to_value(document(&orders)).unwrap();
    assert_eq!(value["version"], 1);
    let order = &value["orders"][0];
    assert_eq!(order["currency"], "EUR");
    assert_eq!(order["total"], "1229.50");
    assert_eq!(order["placed_at"], "2026-01-09T21:00:00Z");
    assert_eq!(order["status"], "partially_shipped");
    assert_eq!(order["lines"][0]["unit_price"], "12.50");
    assert_eq!(order["lines"][0]["quantity"], 1_000);
    assert_eq!(order["lines"][0]["charges"][0]["amount"], "1.995");
    assert_eq!(order["lines"][1]["sku"], serde_json::Value::Null);
    assert_eq!(order["lines"][1]["fulfilled_by"], "channel");
    assert_eq!(order["charges"][1]["kind"], "discount");
    assert_eq!(order["shipments"][0]["lines"][0]["quantity"], 1);
}
